//! The Desk service on Lambda.

fn main() -> std::process::ExitCode {
    chorus_aws::run(|_| Ok(help_desk::desk::function()))
}
