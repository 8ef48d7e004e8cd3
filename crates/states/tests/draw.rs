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

#[test]
fn the_labels_of_many_ways_out_do_not_cover_one_another() {
    let rule = |next: &str| {
        format!(r#"{{"Variable":"$.carrier.word.status","StringEquals":"{next}","Next":"{next}"}}"#)
    };
    let then = |name: &str| format!(r#""{name}":{{"Type":"Pass","Next":"Done"}}"#);
    let machine = format!(
        r#"{{"StartAt":"Ask","States":{{"Ask":{{"Type":"Choice","Choices":[{},{},{}],
        "Default":"Done"}},{},{},{},"Done":{{"Type":"Succeed"}}}}}}"#,
        rule("Delivered"),
        rule("Canceled"),
        rule("Silent"),
        then("Delivered"),
        then("Canceled"),
        then("Silent")
    );
    let svg = draw_svg(&Machine::parse(&machine).unwrap());
    let number = |line: &str, name: &str| -> f64 {
        line.split(name).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
    };
    let labels: Vec<(f64, f64, f64)> = svg
        .lines()
        .filter(|line| line.starts_with("<text class=\"label\""))
        .map(|line| {
            let text = line.split('>').nth(1).unwrap().trim_end_matches("</text");
            (number(line, "x=\""), number(line, "y=\""), text.chars().count() as f64 * 5.9 / 2.0)
        })
        .collect();
    assert_eq!(labels.len(), 4);
    for (index, (x, y, half)) in labels.iter().enumerate() {
        for (other_x, other_y, other_half) in &labels[index + 1..] {
            let apart = (y - other_y).abs() >= 10.5 || (x - other_x).abs() >= half + other_half;
            assert!(apart, "{labels:?}");
        }
    }
}
