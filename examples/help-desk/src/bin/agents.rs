//! The Agents service on Lambda.

fn main() -> std::process::ExitCode {
    chorus_aws::run(|_| Ok(help_desk::agents::function()))
}
