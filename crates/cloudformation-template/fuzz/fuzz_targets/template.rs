//! Reads any text as a template, and resolves that template. The parser accepts the text, or
//! rejects it with a position, but never panics.

#![no_main]

use cloudformation_template::{Resolver, Template, event_rules};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Template::parse(text) {
        Ok(template) => {
            let resolver = Resolver::new(&template);
            resolver.resolve(template.value());
            for rule in event_rules(&resolver) {
                assert!(rule.pointer.starts_with("/Resources/"));
            }
        }
        Err(refusal) => assert!(refusal.line > 0 && refusal.column > 0),
    }
});
