//! The environment of a run's functions: its clock, and which fault is injected at which call.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use chorus_kernel::Clock;
use chorus_local::VirtualClock;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::client::Client;
use crate::draw::{self, Draw, mix};
use crate::fault::{Fault, Port};
use crate::releases::Releases;
use crate::trace::Trace;
use crate::trouble::Trouble;

pub(crate) fn beginning() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("a second of this century is a timestamp")
}

/// After how long the platform gives a function up.
pub(crate) const FUNCTION_TIMEOUT: Duration = chorus_table::policy::FUNCTION_TIMEOUT;

/// One call with an injected fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Injection {
    /// The invocation: which function, of which event, at which attempt.
    pub task: String,
    /// Which of its calls, from 1.
    pub call: u32,
    pub port: Port,
    pub fault: Fault,
}

impl std::fmt::Display for Injection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { task, call, port, fault } = self;
        write!(f, "{fault:?} at call {call} ({port:?}) of {task}")
    }
}

/// This is no fault at a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no fault: `CrashAfter at call 3 (Write) of TASK` is one")]
pub struct UnknownInjection(String);

impl Injection {
    /// Reads what it is displayed as, where it is at a general port or one of `ports`.
    ///
    /// # Errors
    /// Where `text` is something else.
    pub fn read(text: &str, ports: &[Port]) -> Result<Self, UnknownInjection> {
        let read = || {
            let (fault, rest) = text.split_once(" at call ")?;
            let (call, rest) = rest.split_once(" (")?;
            let (port, task) = rest.split_once(") of ")?;
            let mut known = Port::GENERAL.iter().chain(ports);
            let port = *known.find(|it| format!("{it:?}") == port)?;
            let fault = port.faults().iter().find(|it| format!("{it:?}") == fault)?;
            Some(Self { task: task.to_owned(), call: call.parse().ok()?, port, fault: *fault })
        };
        read().ok_or_else(|| UnknownInjection(text.to_owned()))
    }
}

/// One call into which a fault could have been injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) task: Arc<str>,
    pub(crate) call: u32,
    pub(crate) port: Port,
}

#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// Drawn: so many of a thousand calls get a fault, of these kinds.
    Drawn { per_mille: u64, troubles: BTreeSet<Trouble> },
    /// These, and no other.
    Listed(HashMap<(u64, u32), Fault>),
}

impl Plan {
    pub(crate) fn listed<'a>(injections: impl IntoIterator<Item = &'a Injection>) -> Self {
        let entry = |it: &Injection| ((draw::name(&it.task), it.call), it.fault);
        Self::Listed(injections.into_iter().map(entry).collect())
    }
}

/// The task that runs: an invocation, a request, a chore.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) label: Arc<str>,
    /// The task's label without the order: the same for every order that runs this code.
    pub(crate) place: Arc<str>,
    pub(crate) name: u64,
    pub(crate) calls: u32,
    pub(crate) skew: SignedDuration,
    /// From this call on, the clock is further back: by how much it is off then.
    pub(crate) jump: Option<(u32, SignedDuration)>,
    pub(crate) wake_at: Timestamp,
    pub(crate) dead: bool,
    pub(crate) timed_out: bool,
}

/// What happens outside later, and whoever calls because of it.
pub(crate) type Later = Box<dyn FnOnce() -> Vec<Client> + Send>;

/// What the application of one run stands on: the clock, and the faults. All of its methods may be
/// called from anywhere within the run's one thread.
pub struct Environment {
    pub(crate) clock: VirtualClock,
    pub seed: u64,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) plan: Plan,
    pub(crate) armed: bool,
    /// Whether calls take drawn amounts of time, so that tasks interleave.
    pub(crate) jitter: bool,
    pub(crate) skews: bool,
    /// Which release each service runs, where not all run the same.
    pub(crate) releases: Option<Releases>,
    pub(crate) running: Option<Running>,
    pub(crate) injected: Vec<Injection>,
    pub(crate) calls: u64,
    /// Every call, where somebody wants to know.
    pub(crate) called: Option<Vec<Called>>,
    /// Calls that a process made, and at which a process died, by place in the code.
    pub(crate) seen: BTreeSet<(Arc<str>, u32, Port)>,
    pub(crate) crashed: BTreeSet<(Arc<str>, u32, Port)>,
    pub(crate) later: Vec<(Timestamp, Later)>,
    /// Outages: of what, from when and until when.
    pub(crate) away: Vec<(Port, Timestamp, Timestamp)>,
    /// Calls that were made meanwhile.
    pub(crate) unanswered: u64,
    /// The same, by port.
    pub(crate) unanswered_at: BTreeMap<Port, u64>,
    pub(crate) violations: Vec<String>,
    pub(crate) trace: Trace,
}

impl Environment {
    pub(crate) fn new(clock: VirtualClock, seed: u64, plan: Plan, trace: Trace) -> Arc<Self> {
        let state = State {
            plan,
            armed: false,
            jitter: true,
            skews: false,
            releases: None,
            running: None,
            injected: Vec::new(),
            calls: 0,
            called: None,
            seen: BTreeSet::new(),
            crashed: BTreeSet::new(),
            later: Vec::new(),
            away: Vec::new(),
            unanswered: 0,
            unanswered_at: BTreeMap::new(),
            violations: Vec::new(),
            trace,
        };
        Arc::new(Self { clock, seed, state: Mutex::new(state) })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports something that must never be, as `kind: what`.
    pub fn violated(&self, what: String) {
        let mut state = self.state();
        if !state.violations.contains(&what) {
            state.violations.push(what);
        }
    }

    /// Whether faults are injected now. None are while the run is set up, nor at its end.
    #[must_use]
    pub fn strikes(&self) -> bool {
        self.state().armed
    }

    /// Has something happen outside after `pause`; whoever it answers calls then.
    pub fn later(&self, pause: Duration, what: impl FnOnce() -> Vec<Client> + Send + 'static) {
        let at = later(self.now(), pause);
        self.state().later.push((at, Box::new(what)));
    }

    /// Calls a partner, who does `act`. Nothing where no answer comes, whether or not it was done.
    pub async fn external<T: Send>(
        &self,
        port: Port,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let fault = self.call(port).await;
        match fault {
            Some(Fault::Unavailable) => return None,
            Some(Fault::Late) => {
                let calls = self.state().calls;
                let pause = 1 + Draw::numbered(self.seed, calls).below(3_600);
                self.later(Duration::from_secs(pause), move || {
                    act();
                    Vec::new()
                });
                return None;
            }
            _ => {}
        }
        let answer = act();
        if self.answer(fault).await { None } else { Some(answer) }
    }

    /// Begins a call: others run meanwhile, and a fault may be injected. Outside of any task, calls take
    /// no time and always succeed. Whoever simulates a partner otherwise than by
    /// [`external`](Self::external) does nothing at [`Fault::Unavailable`], and ends with
    /// [`answer`](Self::answer).
    pub async fn call(&self, port: Port) -> Option<Fault> {
        let fault = self.fate(port)?;
        Pause { environment: self, begun: false }.await;
        if fault == Some(Fault::CrashBefore) {
            self.die().await;
        }
        fault
    }

    /// After the call was made: the process may die, or never get the response. True where the
    /// response is lost.
    pub async fn answer(&self, fault: Option<Fault>) -> bool {
        if fault == Some(Fault::CrashAfter) {
            self.die().await;
        }
        fault == Some(Fault::Lost)
    }

    async fn die(&self) {
        if let Some(running) = &mut self.state().running {
            running.dead = true;
        }
        std::future::pending::<()>().await;
    }

    /// Lets `duration` pass for the task that runs.
    pub(crate) async fn sleep(&self, duration: Duration) {
        let until = later(self.now(), duration);
        match &mut self.state().running {
            Some(running) => running.wake_at = until,
            None => return,
        }
        Pause { environment: self, begun: false }.await;
    }

    /// The numbers below `count`, in a drawn order.
    pub(crate) fn shuffled(&self, count: usize) -> Vec<usize> {
        let mut draw = Draw::numbered(mix(self.seed, self.state().calls), 2);
        let mut places: Vec<(u64, usize)> =
            (0..count).map(|place| (draw.below(u64::MAX), place)).collect();
        places.sort_unstable();
        places.into_iter().map(|(_, place)| place).collect()
    }

    /// Lets others run in the midst of a call.
    pub(crate) async fn pause_a_moment(&self) {
        let calls = self.state().calls;
        let millis = Draw::numbered(mix(self.seed, calls), 1).below(20);
        self.sleep(Duration::from_millis(millis)).await;
    }

    /// What happens at this call, and when it goes on; nothing outside of tasks.
    #[allow(clippy::option_option)]
    fn fate(&self, port: Port) -> Option<Option<Fault>> {
        let now = self.now();
        let mut state = self.state();
        let mut running = state.running.take()?;
        running.calls += 1;
        let call = running.calls;
        state.calls += 1;
        let mut draw = Draw::numbered(mix(self.seed, running.name), u64::from(call));
        let away = state.armed && state.is_away(port, now);
        let fault = match (away, state.armed) {
            (true, _) => {
                state.unanswered += 1;
                *state.unanswered_at.entry(port).or_default() += 1;
                Some(port.absence())
            }
            (false, true) => state.struck(port, (running.name, call), draw),
            (false, false) => None,
        };
        let mut pause =
            if state.jitter { jitter(port, &mut draw) } else { Duration::from_millis(1) };
        let point = (Arc::clone(&running.place), call, port);
        if state.armed {
            if let Some(called) = &mut state.called {
                called.push(Called { task: Arc::clone(&running.label), call, port });
            }
            state.seen.insert(point.clone());
        }
        if let Some(fault) = fault.filter(|_| !away) {
            let task = running.label.to_string();
            state.injected.push(Injection { task, call, port, fault });
            if matches!(fault, Fault::CrashBefore | Fault::CrashAfter) {
                state.crashed.insert(point);
            }
            if fault == Fault::TimedOut {
                running.timed_out = true;
                pause = FUNCTION_TIMEOUT + Duration::from_millis(1 + draw.below(900_000));
            }
        }
        running.wake_at = later(now, pause);
        state.trace.call(now, &running.label, (call, port, fault));
        state.running = Some(running);
        Some(fault)
    }
}

impl Running {
    /// By how much its clock is off now.
    pub(crate) fn skewed(&self) -> SignedDuration {
        self.jump.filter(|(call, _)| self.calls >= *call).map_or(self.skew, |(_, skew)| skew)
    }
}

impl State {
    fn is_away(&self, port: Port, now: Timestamp) -> bool {
        self.away.iter().any(|(who, from, to)| *who == port && (*from..*to).contains(&now))
    }

    fn struck(&self, port: Port, id: (u64, u32), mut draw: Draw) -> Option<Fault> {
        match &self.plan {
            Plan::Listed(faults) => faults.get(&id).copied(),
            Plan::Drawn { per_mille, troubles } => {
                if draw.below(1000) >= *per_mille {
                    return None;
                }
                let fault = draw.one_of(port.faults());
                troubles.contains(&Trouble::of(fault)).then_some(fault)
            }
        }
    }
}

/// How long a call takes: mostly next to nothing, sometimes a while; some partners take their time.
fn jitter(port: Port, draw: &mut Draw) -> Duration {
    match draw.below(100) {
        0..97 if port.is_slow() => Duration::from_millis(draw.below(2_000)),
        0..70 => Duration::from_micros(draw.below(3_000)),
        70..97 => Duration::from_millis(draw.below(200)),
        _ => Duration::from_millis(draw.below(8_000)),
    }
}

pub(crate) fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// Gives every other task its turn, until the task's instant has come.
struct Pause<'a> {
    environment: &'a Environment,
    begun: bool,
}

impl Future for Pause<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let within = self.environment.state().running.is_some();
        if self.begun || !within {
            return Poll::Ready(());
        }
        self.begun = true;
        Poll::Pending
    }
}

impl Environment {
    /// What time it truly is: the clocks of functions may be off.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Clock::now(&self.clock)
    }

    /// How much time has passed since the beginning, in seconds.
    pub(crate) fn seconds(&self) -> i64 {
        self.now().as_second() - beginning().as_second()
    }
}
