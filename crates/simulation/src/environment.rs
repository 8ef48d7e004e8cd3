//! The environment of a run's functions: their clock, and the faults at their calls.

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
use crate::turns::Turns;

pub(crate) fn beginning() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("a second of this century is a timestamp")
}

/// The platform treats a function as timed out after this time.
pub(crate) const FUNCTION_TIMEOUT: Duration = chorus_table::policy::FUNCTION_TIMEOUT;

/// A fault at one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Injection {
    /// The invocation: its function, its event and its attempt.
    pub task: String,
    /// The number of the call in the invocation, from 1.
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

/// A text that does not name a fault at a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a fault; write one as `CrashAfter at call 3 (Write) of TASK`")]
pub struct UnknownInjection(String);

impl Injection {
    /// Reads an injection from its `Display` text. The port has to be in `Port::GENERAL` or in
    /// `ports`.
    ///
    /// # Errors
    /// If `text` has another form, or names an unknown port or fault.
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

/// A call into which a fault could have been injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) task: Arc<str>,
    pub(crate) call: u32,
    pub(crate) port: Port,
}

#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// The seed selects a fault for `per_mille` of a thousand calls. The fault is injected if its
    /// kind of trouble is in `troubles`.
    Drawn { per_mille: u64, troubles: BTreeSet<Trouble> },
    /// Injects only these faults. The key is the hash of a task's name, and the number of a call
    /// within that task.
    Listed(HashMap<(u64, u32), Fault>),
}

impl Plan {
    pub(crate) fn listed<'a>(injections: impl IntoIterator<Item = &'a Injection>) -> Self {
        let entry = |it: &Injection| ((draw::hash_name(&it.task), it.call), it.fault);
        Self::Listed(injections.into_iter().map(entry).collect())
    }
}

/// The task that is running: an invocation, a request, or a background task.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) label: Arc<str>,
    /// The label without the name of the case (in the shop: of the order). All cases that run the
    /// same code have the same `place`.
    pub(crate) place: Arc<str>,
    pub(crate) name: u64,
    pub(crate) calls: u32,
    pub(crate) skew: SignedDuration,
    /// The number of the call at which the clock is set back, and the clock's error from that call
    /// on.
    pub(crate) jump: Option<(u32, SignedDuration)>,
    pub(crate) wake_at: Timestamp,
    pub(crate) dead: bool,
    pub(crate) timed_out: bool,
}

/// What happens later outside of the functions, such as a partner's callback. The closure returns
/// the clients that then call the API.
pub(crate) type Later = Box<dyn FnOnce() -> Vec<Client> + Send>;

/// The environment of one run: the clock, and the faults. All methods may be called from anywhere
/// within the run's only thread.
pub struct Environment {
    pub(crate) clock: VirtualClock,
    pub seed: u64,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) plan: Plan,
    pub(crate) armed: bool,
    /// Whether each call takes a time that the seed determines, so that tasks interleave.
    pub(crate) jitter: bool,
    pub(crate) skews: bool,
    /// The release that each service runs; `None` if all services run the same release.
    pub(crate) releases: Option<Releases>,
    pub(crate) running: Option<Running>,
    pub(crate) injected: Vec<Injection>,
    pub(crate) calls: u64,
    /// The run's calls; `None` if nobody asked for this list.
    pub(crate) called: Option<Vec<Called>>,
    /// The places in the code (task, number of the call, port) at which a process made a call.
    pub(crate) seen: BTreeSet<(Arc<str>, u32, Port)>,
    /// The places in the code (task, number of the call, port) at which a process died.
    pub(crate) crashed: BTreeSet<(Arc<str>, u32, Port)>,
    pub(crate) later: Vec<(Timestamp, Later)>,
    /// For each outage: its port, its beginning and its end.
    pub(crate) away: Vec<(Port, Timestamp, Timestamp)>,
    /// The number of calls to a port during an outage of that port, summed over all ports.
    pub(crate) unanswered: u64,
    /// The number of calls to each port during the outages of that port.
    pub(crate) unanswered_at: BTreeMap<Port, u64>,
    /// A call with the fault [`Fault::Late`] has its effect after at most this many seconds.
    pub(crate) late_within: u64,
    /// Checks that tenants take turns, in a run with a noisy tenant.
    pub(crate) turns: Option<Turns>,
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
            late_within: 3_600,
            turns: None,
            violations: Vec::new(),
            trace,
        };
        Arc::new(Self { clock, seed, state: Mutex::new(state) })
    }

    /// An environment without a simulated run, in which every call succeeds at once. Tests use it for
    /// the simulated external services of an application, such as a bank.
    #[must_use]
    pub fn at_rest() -> Arc<Self> {
        let plan = Plan::Drawn { per_mille: 0, troubles: BTreeSet::new() };
        Self::new(VirtualClock::at(beginning()), 0, plan, Trace::default())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports the violation `what`, which has the form `kind: description`.
    pub fn violated(&self, what: String) {
        let mut state = self.state();
        if !state.violations.contains(&what) {
            state.violations.push(what);
        }
    }

    /// Whether faults are injected now. There are none during the set-up and at the end of a run.
    #[must_use]
    pub fn injects_faults(&self) -> bool {
        self.state().armed
    }

    /// Plans to run `what` after `pause`. `what` is not part of a function: it is, for example, a
    /// partner's callback. Each client that `what` returns then calls the API.
    pub fn later(&self, pause: Duration, what: impl FnOnce() -> Vec<Client> + Send + 'static) {
        let at = later(self.now(), pause);
        self.state().later.push((at, Box::new(what)));
    }

    /// Calls a partner, which runs `act`. Returns `None` if no answer arrives, whether or not the
    /// partner ran `act`.
    pub async fn external<T: Send>(
        &self,
        port: Port,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let fault = self.call(port).await;
        match fault {
            Some(Fault::Unavailable) => return None,
            Some(Fault::Late) => {
                let (calls, within) = {
                    let state = self.state();
                    (state.calls, state.late_within)
                };
                let pause = 1 + Draw::numbered(self.seed, calls).below(within);
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

    /// Begins a call of the running task, and returns the fault of the call. Other tasks run during
    /// the call. Outside of any task, a call takes no time and always succeeds.
    ///
    /// A simulated partner that does not use [`external`](Self::external) must do nothing if the
    /// fault is [`Fault::Unavailable`]. In every other case, with or without a fault, the partner
    /// must end the call with [`answer`](Self::answer).
    pub async fn call(&self, port: Port) -> Option<Fault> {
        let fault = self.begin_call(port)?;
        Pause { environment: self, begun: false }.await;
        if fault == Some(Fault::CrashBefore) {
            self.die().await;
        }
        fault
    }

    /// Ends a call that has had its effect. At [`Fault::CrashAfter`], the process dies. Returns
    /// whether the response is lost.
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

    /// Lets `duration` pass for the running task.
    pub(crate) async fn sleep(&self, duration: Duration) {
        let until = later(self.now(), duration);
        match &mut self.state().running {
            Some(running) => running.wake_at = until,
            None => return,
        }
        Pause { environment: self, begun: false }.await;
    }

    /// The numbers below `count`, shuffled as the seed determines.
    pub(crate) fn shuffled(&self, count: usize) -> Vec<usize> {
        let mut draw = Draw::numbered(mix(self.seed, self.state().calls), 2);
        let mut places: Vec<(u64, usize)> =
            (0..count).map(|place| (draw.below(u64::MAX), place)).collect();
        places.sort_unstable();
        places.into_iter().map(|(_, place)| place).collect()
    }

    /// Lets other tasks run in the middle of a call.
    pub(crate) async fn pause_a_moment(&self) {
        let calls = self.state().calls;
        let millis = Draw::numbered(mix(self.seed, calls), 1).below(20);
        self.sleep(Duration::from_millis(millis)).await;
    }

    /// Begins a call of the running task: decides which fault the call gets, and when the task
    /// continues. The outer option is `None` outside of any task.
    #[allow(clippy::option_option)]
    fn begin_call(&self, port: Port) -> Option<Option<Fault>> {
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
            (false, true) => state.choose_fault(port, running.name, call, draw),
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
        state.trace.call(now, &running.label, call, port, fault);
        state.running = Some(running);
        Some(fault)
    }
}

impl Running {
    /// How much the task's clock is off now.
    pub(crate) fn skewed(&self) -> SignedDuration {
        self.jump.filter(|(call, _)| self.calls >= *call).map_or(self.skew, |(_, skew)| skew)
    }
}

impl State {
    fn is_away(&self, port: Port, now: Timestamp) -> bool {
        self.away.iter().any(|(who, from, to)| *who == port && (*from..*to).contains(&now))
    }

    fn choose_fault(&self, port: Port, task: u64, call: u32, mut draw: Draw) -> Option<Fault> {
        match &self.plan {
            Plan::Listed(faults) => faults.get(&(task, call)).copied(),
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

/// How long a call takes: mostly less than 0.2 seconds (for a slow partner, less than 2 seconds),
/// and sometimes up to 8 seconds.
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

/// Suspends the running task until its `wake_at`, so that other tasks can run.
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
    /// The true time; the clocks of functions may be off.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Clock::now(&self.clock)
    }

    /// How much time has passed since the beginning of the run, in seconds.
    pub(crate) fn seconds(&self) -> i64 {
        self.now().as_second() - beginning().as_second()
    }
}
