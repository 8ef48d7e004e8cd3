//! `chorus simulate`: runs the whole shop under a virtual clock, with faults injected from a seed.

mod print_text;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use anyhow::bail;
use chorus_shop_simulation::{
    Campaign, Outcome, Report, Simulator, Story, all_faults, faults, injection, named_faults,
    only_in_one_region,
};
use chorus_simulation::{Backing, Faults, Injection, Progress, Setting, Trouble, UnknownTrouble};
use clap::{ArgGroup, Args, ValueEnum, value_parser};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::screen::line;

/// Run the whole shop under a virtual clock, with faults injected from a seed
///
/// Run the whole shop under a virtual clock, again and again, and inject faults: crashes, lost
/// responses, duplicates, delays, skewed clocks, replays. Each run is drawn from one number, its
/// seed; the same seed always gives the same run.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("one-run").args(["seed", "strike"]))]
pub(crate) struct Simulate {
    /// How many seeds to run
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "S", default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// Run only this seed
    #[arg(long, value_name = "S", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Print each call, each delivery and each fault of the run; needs --seed or --strike
    #[arg(long, requires = "one-run")]
    trace: bool,
    /// Orders in each run
    #[arg(long, value_name = "K", default_value_t = 4, value_parser = value_parser!(u32).range(1..))]
    orders: u32,
    /// Kinds of faults: all, none, or names separated by commas; -NAME excludes one
    #[arg(long, value_name = "LIST", default_value = "all", allow_hyphen_values = true)]
    #[arg(long_help = FAULTS, value_parser = chosen)]
    faults: ChosenFaults,
    /// How many regions; with 2, the first is lost at some call, and the second takes over
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u8).range(1..=2))]
    #[arg(conflicts_with = "exhaustive")]
    regions: u8,
    /// Run the fixed orders of --story with each single fault, or each pair of faults, at every
    /// call of the code to the store, the bus or a partner
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["seeds", "seed"])]
    exhaustive: Option<Exhaustive>,
    /// The fixed orders to run with --exhaustive or --strike
    #[arg(long, value_name = "STORY", default_value = "both", conflicts_with_all = ["seeds", "seed"])]
    story: StoryName,
    /// Divide the pairs of faults into N parts, and run only part I, which is 1 to N
    #[arg(long, value_name = "I/N", requires = "exhaustive", value_parser = part)]
    part: Option<(u64, u64)>,
    /// Run the fixed orders of --story with this fault, written as in the report of a failure; may
    /// be given several times
    #[arg(long, value_name = "FAULT", conflicts_with_all = ["seeds", "seed", "exhaustive"])]
    #[arg(value_parser = injection)]
    strike: Vec<Injection>,
    /// The store of each run
    #[arg(long, value_name = "STORE", default_value = "map")]
    store: Store,
    /// How many runs to do in parallel [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Stop after N failures
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u64).range(1..))]
    failures: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  chorus simulate --seeds 10000
  chorus simulate --seeds 10000 --faults crashes,duplicates
  chorus simulate --seeds 10000 --faults all,-poison --orders 8
  chorus simulate --seeds 10000 --regions 2
  chorus simulate --seeds 10000 --faults all,noisy-tenant
  chorus simulate --exhaustive single
  chorus simulate --exhaustive pairs --story canceled
  chorus simulate --seed 17 --trace

Many runs are worth an optimized build:
  cargo run --profile simulation -- simulate --seeds 100000";

const FAULTS: &str = "\
Kinds of faults: all, none, or names separated by commas; -NAME excludes one.
With --regions 2, some kinds are not simulated; naming such a kind is an error.
Each seed draws some of them:
  crashes            processes die before and after calls
  refusals           throttles, 5xx, refused transactions
  lost-answers       a call succeeds, but its response is lost; or it succeeds late
  timeouts           functions time out, and still run while the retry runs
  partial-publishes  PutEvents takes some entries and not others
  stale-reads        indexes return an earlier state
  duplicates         each delivery is made up to five times, also several times at once
  delays             deliveries are late, by up to a day, and overtake each other
  skew               clocks are off by up to five minutes, and jump back
  customers          customers cancel at any moment; callers repeat requests, or go away
  reviews            reviewers approve, decline, change their mind, or never come
  carrier            the carrier gives up, sends callbacks twice, late or never, is down, or
                     accepts no parcel
  poison             messages come that cannot be parsed
  redrives           dead letters are sent back, once and twice, while orders run
  replays            the whole archive is replayed while orders run
  rebuilds           projections are deleted and rebuilt while orders run
  prices             prices change while orders run
  refunds            banks refuse refunds or let them fail later, and customers dispute charges
  forgetting         customers are forgotten while orders run, and some of them come back
  accounts           other accounts send commands through the bus, also one that is not allowed to
  versions           each service is rolled out, back and out again; half of all events carry an
                     unknown field
  outages            partners are away for up to six hours, store and bus for up to ten minutes
  expiry             records expire, TTL deletes them late, and callers repeat requests
Not included in `all`; injected in every run if it is named:
  noisy-tenant       one customer places many orders at once, and few deliveries run at a time
  scarce-concurrency few deliveries run at a time, for a comparison with noisy-tenant";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Exhaustive {
    /// Every fault at every call
    Single,
    /// Every pair of faults: each fault at each call, with each fault at each later call
    Pairs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoryName {
    /// An order that is delivered
    Delivered,
    /// An order of high value that goes abroad, canceled when its parcel is on its way
    Canceled,
    /// The orders of the first two stories, at the same time
    Both,
    /// A customer who is forgotten while a parcel is on its way, and who comes back
    Forgotten,
    /// Orders are charged when their parcels leave; one order is canceled before its parcel leaves
    WhenShipped,
    /// A customer confirms the charge at once, so that the provider's notice arrives before the
    /// shop waits for the notice
    Confirmed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    /// A map in memory: fast
    Map,
    /// The embedded engine's store, in memory
    Dynoxide,
}

/// The value of `--faults`.
#[derive(Debug, Clone)]
struct ChosenFaults {
    /// The value as it was given, without spaces; `none` if it was empty.
    text: String,
    faults: Faults,
    /// The kinds of faults that the value names itself, without the kinds that it includes by
    /// `all`.
    named: Faults,
}

fn chosen(text: &str) -> Result<ChosenFaults, UnknownTrouble> {
    let (faults, named) = (faults(text)?, named_faults(text)?);
    let text = match text.replace(' ', "") {
        text if text.is_empty() => "none".to_owned(),
        text => text,
    };
    Ok(ChosenFaults { text, faults, named })
}

fn part(text: &str) -> Result<(u64, u64), String> {
    let numbers =
        text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match numbers {
        Some((part, of)) if 1 <= part && part <= of => Ok((part, of)),
        _ => Err("must be I/N, such as 1/4".to_owned()),
    }
}

impl Simulate {
    fn campaign(&self) -> Campaign {
        match self.exhaustive {
            Some(Exhaustive::Single) => Campaign::Single { story: self.story() },
            Some(Exhaustive::Pairs) => {
                let (part, parts) = self.part.unwrap_or((1, 1));
                Campaign::Pairs { story: self.story(), part: part - 1, parts }
            }
            None => Campaign::Seeds {
                seeds: self.from..self.from.saturating_add(self.seeds),
                faults: self.faults(),
                size: self.orders,
            },
        }
    }

    /// Returns the kinds of faults to inject. If there are two regions, includes the loss of a
    /// region.
    fn faults(&self) -> Faults {
        let mut faults = self.faults.faults.clone();
        if self.regions > 1 {
            faults.0.insert(Trouble::REGIONS);
        }
        faults
    }

    /// If the runs have two regions, refuses the named kinds of faults that such runs never inject.
    /// Without this check, the report would suggest that the shop had survived these faults.
    fn check_faults(&self) -> anyhow::Result<()> {
        let left_out = only_in_one_region(&self.faults.named);
        if left_out.is_empty() || !self.faults().0.contains(&Trouble::REGIONS) {
            return Ok(());
        }
        let names: Vec<&str> = left_out.iter().map(|trouble| trouble.name()).collect();
        let one = match (self.faults.named.0.contains(&Trouble::REGIONS), self.regions > 1) {
            (true, true) => "leave out `regions` and use --regions 1",
            (true, false) => "leave out `regions`",
            (false, _) => "use --regions 1",
        };
        bail!(
            "--faults names kinds that are not simulated in two regions: {}; leave them out, or {one}",
            names.join(", ")
        )
    }

    const fn story(&self) -> Story {
        match self.story {
            StoryName::Delivered => Story::Delivered,
            StoryName::Canceled => Story::Canceled,
            StoryName::Both => Story::Both,
            StoryName::Forgotten => Story::Forgotten,
            StoryName::WhenShipped => Story::WhenShipped,
            StoryName::Confirmed => Story::Confirmed,
        }
    }

    /// Returns the options that, together with a seed, repeat a run.
    fn arguments(&self) -> String {
        let mut words = String::new();
        if self.orders != 4 {
            words.push_str(&format!(" --orders {}", self.orders));
        }
        if self.regions != 1 {
            words.push_str(&format!(" --regions {}", self.regions));
        }
        if self.faults.faults != all_faults() {
            words.push_str(&format!(" --faults {}", self.faults.text));
        }
        words
    }

    const fn simulator(&self) -> Simulator {
        Simulator::on(match self.store {
            Store::Map => Backing::Map,
            Store::Dynoxide => Backing::Dynoxide,
        })
    }

    fn setting(&self) -> Setting {
        let default = Setting::default();
        let threads = self.threads.unwrap_or(default.threads);
        Setting { threads, most_failures: self.failures, ..default }
    }
}

pub(crate) fn run(simulate: &Simulate) -> anyhow::Result<ExitCode> {
    simulate.check_faults()?;
    let one_run = simulate.seed.is_some() || !simulate.strike.is_empty();
    let holds = if one_run { one(simulate)? } else { run_seeds(simulate)? };
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one seed, or the fixed orders with the given faults, and prints the outcome.
fn one(simulate: &Simulate) -> anyhow::Result<bool> {
    let Simulate { orders, strike, .. } = simulate;
    let mut outcome: Outcome = match simulate.seed {
        Some(seed) => simulate.simulator().trace_seed(seed, &simulate.faults(), *orders)?,
        None => simulate.simulator().trace_story(simulate.story(), strike)?,
    };
    let holds = outcome.holds();
    if !simulate.trace {
        outcome.trace.clear();
    }
    if simulate.json {
        line!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        print_text::outcome(&outcome);
    }
    Ok(holds)
}

fn run_seeds(simulate: &Simulate) -> anyhow::Result<bool> {
    let progress = if simulate.json { ProgressBar::hidden() } else { bar()? };
    let setting = simulate.setting();
    let (simulator, campaign) = (simulate.simulator(), simulate.campaign());
    let report: Report = simulator.campaign(&campaign, &setting, &|far| show(&progress, far))?;
    progress.finish_and_clear();
    if simulate.json {
        line!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print_text::report(&report, setting.threads, &simulate.arguments());
    }
    Ok(report.failed == 0)
}

fn bar() -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left")?;
    Ok(ProgressBar::new(0).with_style(style))
}

fn show(bar: &ProgressBar, far: &Progress) {
    bar.set_length(far.of);
    bar.set_position(far.steps);
    let (runs, rate) = (HumanCount(far.runs), far.runs_per_second);
    bar.set_message(format!("{runs} runs  {rate:.0} runs/s  {} failed", far.failures));
}
