//! The drawing of a machine.

use states::{Machine, draw_svg};

const ORDER: &str = include_str!("machines/collect_payment.asl.json");

#[test]
fn every_state_stands_in_the_drawing_and_a_catch_is_dashed() {
    let machine = Machine::parse(ORDER).unwrap();
    let svg = draw_svg(&machine);
    for (name, _) in machine.states() {
        assert!(svg.contains(&format!(">{name}<")), "{name} is not drawn");
    }
    assert!(svg.contains("edge catch"));
    // Every label stands on a halo of its own, whatever the renderer makes of strokes.
    let count = |class: &str| svg.matches(&format!("<text class=\"{class}\"")).count();
    assert!(count("label") > 0 && count("label") == count("halo"));
    assert!(svg.contains("prefers-color-scheme: dark"));
    if let Some(folder) = std::env::var_os("STATES_DRAW_INTO") {
        std::fs::write(std::path::Path::new(&folder).join("collect_payment.svg"), svg).unwrap();
    }
}

#[test]
fn a_text_cannot_break_out_of_the_drawing() {
    let machine = Machine::parse(
        r#"{"StartAt":"<a & \"b\">","States":{"<a & \"b\">":{"Type":"Pass","Next":"<a & \"b\">2"},
        "<a & \"b\">2":{"Type":"Succeed"}}}"#,
    );
    let svg = draw_svg(&machine.unwrap());
    assert!(svg.contains("&lt;a &amp; &quot;b&quot;&gt;") && !svg.contains("<a "));
}
