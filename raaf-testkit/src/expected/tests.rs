//! Tests of the notation of expected trees.

use crate::{Expected, Node, Siblings, span_tree};

#[track_caller]
fn shows(expected: &Expected, text: &str) {
    assert_eq!(expected.to_string(), text);
}

#[test]
fn each_part_of_a_node_is_optional_after_kind_and_component() {
    let name = String::from("made up");
    shows(
        &span_tree! {
            agent "A"
            agent "A".plan
            agent "A" [status = ok]
            agent "A" {}
            agent "A" x 2
            agent "A".plan [status = ok]
            agent "A".plan {}
            agent "A".plan x 2
            agent "A".plan [status = ok] {}
            agent "A".plan [status = ok] x 2
            agent "A".plan {} x 2
            agent "A".plan [status = ok] {} x 2
            agent "A" [status = ok] {}
            agent "A" [status = ok] x 2
            agent "A" {} x 2
            agent "A" [status = ok] {} x 2
            "two words" *."my method", * (name)
        },
        "\
agent \"A\"
agent \"A\".plan
agent \"A\" [status = ok]
agent \"A\"
agent \"A\" x 2
agent \"A\".plan [status = ok]
agent \"A\".plan
agent \"A\".plan x 2
agent \"A\".plan [status = ok]
agent \"A\".plan [status = ok] x 2
agent \"A\".plan x 2
agent \"A\".plan [status = ok] x 2
agent \"A\" [status = ok]
agent \"A\" [status = ok] x 2
agent \"A\" x 2
agent \"A\" [status = ok] x 2
\"two words\" *.\"my method\"
* \"made up\"
",
    );
}

#[test]
fn properties_are_status_name_and_attributes() {
    let limit = 3;
    shows(
        &span_tree! {
            llm "gpt" [
                status = cancelled,
                name = "run",
                model = "gpt",
                llm.usage.total = limit + 1,
                "tool.rate" = 0.5,
                "gone" = None::<i64>,
                "status" = true,
            ]
        },
        "llm \"gpt\" name \"run\" [status = cancelled, \"model\" = \"gpt\", \
         \"llm.usage.total\" = 4, \"tool.rate\" = 0.5, !\"gone\", \"status\" = true]\n",
    );
}

#[test]
fn the_builder_makes_what_the_notation_makes() {
    let children = Siblings::new()
        .node(Node::new("tool", "search").attribute("n", 1).times(2))
        .in_any_order(Siblings::new().node(Node::new("agent", "B")).others())
        .others();
    let built = Expected::new(
        Siblings::new().node(Node::new("agent", "A").method("plan").children(children)),
    );
    let written = span_tree! {
        agent "A".plan {
            tool "search" ["n" = 1] x 2
            in_any_order { agent "B" .. }
            ..
        }
    };
    assert_eq!(built.to_string(), written.to_string());
}

/// Each sibling is a step of the macro; the compiler allows 128.
#[test]
fn a_hundred_siblings_fit() {
    let expected = span_tree! {
        a "0" a "1" a "2" a "3" a "4" a "5" a "6" a "7" a "8" a "9"
        b "0" b "1" b "2" b "3" b "4" b "5" b "6" b "7" b "8" b "9"
        c "0" c "1" c "2" c "3" c "4" c "5" c "6" c "7" c "8" c "9"
        d "0" d "1" d "2" d "3" d "4" d "5" d "6" d "7" d "8" d "9"
        e "0" e "1" e "2" e "3" e "4" e "5" e "6" e "7" e "8" e "9"
        f "0" f "1" f "2" f "3" f "4" f "5" f "6" f "7" f "8" f "9"
        g "0" g "1" g "2" g "3" g "4" g "5" g "6" g "7" g "8" g "9"
        h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9"
        i "0" i "1" i "2" i "3" i "4" i "5" i "6" i "7" i "8" i "9"
        j "0" j "1" j "2" j "3" j "4" j "5" j "6" j "7" j "8" j "9"
    };
    assert_eq!(expected.to_string().lines().count(), 100);
}

#[test]
fn what_is_shown_is_the_notation_again() {
    let limit = 3;
    shows(
        &span_tree! {
            agent "A" name "run.*" [error "Timeout", ok, duration < 1.5s]
            agent "Load*".* [duration in 100ms..=2min, duration >= 5us, duration = 1s, duration > (std::time::Duration::ZERO)]
            agent ("2 * 3") [a.b contains "x", "c" ~ "^d$", "e" matches "f", g > 1, h >= 2.5, i < 3, j <= limit]
            agent "A" [k where |k| k.as_i64() == Some(3), "l", !m.n]
            agent "A" [event "retry", event "wait" [ms > 3, "why"] x 2..=4, !event "stop*", event ("*") x 1]
            agent "A" x 2..=4  agent "B" x 1..  agent "C" x ..=2  agent "D" x 2..4  agent "E" x (limit + 1)
            x "y" x 2  "name" "z"  agent "F" x 3 ..
            agent "G" > tool "H" > llm * x 2
            agent "I" > ..
            agent "J" { * }
        },
        r#"agent "A" name "run.*" [status = ok, "error.type" = "Timeout", duration < 1.5s]
agent "Load*" [duration in 100ms..=120s, duration >= 5µs, duration = 1s, duration > 0ns]
agent ("2 * 3") ["a.b" contains "x", "c" ~ "^d$", "e" ~ "f", "g" > 1, "h" >= 2.5, "i" < 3, "j" <= 3]
agent "A" ["k" where |k| k.as_i64() == Some(3), "l", !"m.n"]
agent "A" [event "retry", event "wait" ["ms" > 3, "why"] x 2..=4, !event "stop*", event ("*") x 1]
agent "A" x 2..=4
agent "B" x 1..
agent "C" x ..=2
agent "D" x 2..=3
agent "E" x 4
x "y" x 2
name "z"
agent "F" x 3
..
agent "G"
└── tool "H"
    └── llm * x 2
agent "I"
└── ..
agent "J"
└── ..
"#,
    );
}
