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
    // The halo around each label is a separate `<text>`, so that the drawing does not depend on
    // whether a renderer paints a text's stroke above or below its fill.
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

const LOOP: &str = r#"{"StartAt":"Poll","States":{
    "Poll":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Next":"Enough",
      "Catch":[{"ErrorEquals":["Busy"],"Next":"Enough"}]},
    "Enough":{"Type":"Choice","Default":"Pause","Choices":[{"And":[
      {"Variable":"$.answer.of.the.carrier.status","StringEquals":"Delivered"},
      {"Variable":"$.answer.of.the.carrier.signature","IsPresent":true}],"Next":"Done"}]},
    "Pause":{"Type":"Wait","Seconds":9,"Next":"Poll"},"Done":{"Type":"Succeed"}}}"#;

/// Returns, for each edge with the given CSS class, the numbers in the path of its line.
fn ways(svg: &str, class: &str) -> Vec<Vec<f64>> {
    let start = format!("<path class=\"{class}\" d=\"");
    let paths = svg.lines().filter_map(|line| line.strip_prefix(&start));
    let numbers = |path: &str| {
        let numbers = path.split(|next: char| !"0123456789.-".contains(next));
        numbers.filter_map(|number| number.parse().ok()).collect()
    };
    paths.map(numbers).collect()
}

#[test]
fn a_next_and_a_catch_to_one_state_are_drawn_apart_and_the_main_line_is_straight() {
    let svg = draw_svg(&Machine::parse(LOOP).unwrap());
    let (nexts, catches) = (ways(&svg, "edge next"), ways(&svg, "edge catch"));
    let straight = |way: &Vec<f64>| way.iter().step_by(2).all(|x| *x == way[0]);
    let middle = nexts[0][0];
    let main = nexts.iter().filter(|way| straight(way) && way[0] == middle).count();
    // The main line has four edges: from the start through Poll, Enough and Done to the end.
    assert_eq!(main, 4, "{nexts:?}");
    let [catch] = &catches[..] else { panic!("{catches:?}") };
    let ends = [catch[0], catch[catch.len() - 2]];
    assert!(ends.iter().all(|x| (x - middle).abs() >= 10.0), "{catch:?} beside {middle}");
}

#[test]
fn a_loop_is_led_around_the_side_and_comes_in_from_there() {
    let svg = draw_svg(&Machine::parse(LOOP).unwrap());
    let loops: Vec<Vec<f64>> =
        ways(&svg, "edge next").into_iter().filter(|way| way[1] > way[way.len() - 1]).collect();
    let [way] = &loops[..] else { panic!("{loops:?}") };
    let (last, before) = (&way[way.len() - 2..], &way[way.len() - 4..way.len() - 2]);
    assert_eq!(last[1], before[1], "the arrow of the loop points sideways: {way:?}");
}

#[test]
fn two_loops_between_the_same_states_share_no_part_of_their_way() {
    let machine = r#"{"StartAt":"Timer","States":{"Timer":{"Type":"Pass","Next":"Due"},
        "Due":{"Type":"Choice","Choices":[{"Variable":"$.go","BooleanEquals":true,"Next":"Load"}],
          "Default":"Done"},
        "Load":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Next":"Timer",
          "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Timer"}]},
        "Done":{"Type":"Pass","End":true}}}"#;
    let svg = draw_svg(&Machine::parse(machine).unwrap());
    let up = |way: &Vec<f64>| way[1] > way[way.len() - 1];
    let next = ways(&svg, "edge next").into_iter().find(up).unwrap();
    let catch = ways(&svg, "edge catch").into_iter().find(up).unwrap();
    for (one, other) in [(next[1], catch[1]), (next[next.len() - 1], catch[catch.len() - 1])] {
        assert!((one - other).abs() >= 3.0, "{next:?} and {catch:?}");
    }
}

#[test]
fn a_distributed_map_names_where_its_items_come_from() {
    let machine = r#"{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemReader":{
        "Resource":"arn:aws:states:::s3:getObject"},"ItemProcessor":{"ProcessorConfig":{"Mode":
        "DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"I","States":{"I":{"Type":"Succeed"}}}}}}"#;
    let svg = draw_svg(&Machine::parse(machine).unwrap());
    assert!(svg.contains(">Distributed Map over s3:getObject<"), "{svg}");
}

#[test]
fn a_label_that_is_cut_has_the_whole_of_it_as_a_tooltip() {
    let svg = draw_svg(&Machine::parse(LOOP).unwrap());
    let whole = "$.answer.of.the.carrier.status = Delivered and \
                 $.answer.of.the.carrier.signature is present";
    assert!(svg.contains(&format!("<title>{whole}</title>")), "{svg}");
    assert!(svg.contains("…</text>"));
}
