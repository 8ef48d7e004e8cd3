//! Prints the shop's template: what `template.yaml` holds.

#[allow(clippy::print_stdout)]
fn main() -> Result<(), chorus_events::rules::RuleError> {
    print!("{}", chorus_infra::synthesize(&chorus_infra::Stack::shop("."))?.to_yaml());
    Ok(())
}
