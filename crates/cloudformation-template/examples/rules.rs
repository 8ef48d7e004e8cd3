//! Prints the EventBridge rules of a template. The argument is the template's path.

use cloudformation_template::{Resolver, Template, event_rules};

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of a template as the argument")?;
    let template = Template::parse(&std::fs::read_to_string(path)?)?;
    for rule in event_rules(&Resolver::new(&template)) {
        let pattern = rule.pattern.as_deref().or(rule.schedule.as_deref()).unwrap_or("");
        println!("{} on {}: {pattern}", rule.id, rule.bus);
        for assumed in rule.stand_ins {
            println!("  assumed {} = {}", assumed.expression, assumed.value);
        }
    }
    Ok(())
}
