use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{super::terms, *};
use crate::attributes::json::tests::any_json;

fn search() -> Search {
    let mut search = Search::default();
    search.words.add(terms::DEFAULT);
    search
}

fn redacted(text: &str) -> String {
    search().text(text, 0).map_or_else(|| text.to_owned(), |(text, _)| text)
}

#[test]
fn a4_json_text_keeps_its_form() {
    assert_eq!(
        redacted(r#" { "apiKey" : "k", "n": 1.50, "a": [ {"password":"p\"q"} ] }"#),
        r#" { "apiKey" : "[REDACTED]", "n": 1.50, "a": [ {"password":"[REDACTED]"} ] }"#
    );
}

#[test]
fn a4_all_strings_under_a_secret_key_are_hidden() {
    let text = r#"{"token":{"id":7,"parts":["a",{"b":"c"}],"ok":true},"after":"x"}"#;
    let expected =
        r#"{"token":{"id":7,"parts":["[REDACTED]",{"b":"[REDACTED]"}],"ok":true},"after":"x"}"#;
    assert_eq!(redact(&search(), text, 0), Some((expected.to_owned(), 2)));
    assert_eq!(redact(&search(), expected, 0), None, "a second look finds nothing");
}

#[test]
fn a4_text_that_was_cut_is_searched_too() {
    assert_eq!(
        redacted(r#"{"password":"hunter2","note":"long... [truncated]"#),
        r#"{"password":"[REDACTED]","note":"long... [truncated]"#
    );
    assert_eq!(
        redacted(r#"{"note":"x","password":"hunt... [truncated]"#),
        r#"{"note":"x","password":"[REDACTED]... [truncated]"#
    );
    assert_eq!(
        redacted(r#"["{\"password\":\"hun... [truncated]"#),
        r#"["{\"password\":\"[REDACTED]... [truncated]"#
    );
}

#[test]
fn a4_json_in_strings_in_json_is_searched() {
    let inner = json!({"secret": "s", "é\n": "\u{1F600}"}).to_string();
    let middle = json!({"body": inner}).to_string();
    let outer = json!({"response": middle}).to_string();
    let parsed: Json = serde_json::from_str(&redacted(&outer)).unwrap();
    let parsed: Json = serde_json::from_str(parsed["response"].as_str().unwrap()).unwrap();
    let parsed: Json = serde_json::from_str(parsed["body"].as_str().unwrap()).unwrap();
    assert_eq!(parsed, json!({"secret": "[REDACTED]", "é\n": "\u{1F600}"}));
}

#[test]
fn a4_escaped_keys_are_read() {
    assert_eq!(redacted(r#"{"pass\u0077ord":"x"}"#), r#"{"pass\u0077ord":"[REDACTED]"}"#);
}

#[test]
fn a4_escapes_are_read_in_text_that_was_cut_too() {
    let body = r"{\u0022token\u0022:\u0022t\u0022,\u0022n\u0022:\u0022\ud83d\ude00\u00e";
    let hidden = redacted(&format!(r#"["{body}... [truncated]"#));
    assert!(hidden.contains("REDACTED") && hidden.contains("\u{1F600}"), "{hidden}");
    assert!(!hidden.contains(r"t\u0022") && !hidden.contains("\"t\\"), "{hidden}");
}

#[test]
fn a4_json_that_is_quoted_too_often_is_hidden_whole() {
    // Each level adds five bytes to its quotes, which plain quoting would double.
    let quote = |level: usize| match level {
        0 => "\"".to_owned(),
        level => format!("\\{}u0022", "u005c".repeat(level - 1)),
    };
    let nested = |levels: usize| {
        let mut text: String =
            (0..levels).flat_map(|level| ["[".to_owned(), quote(level)]).collect();
        let quote = quote(levels);
        text.extend(["{", &quote, "token", &quote, ":", &quote, "hunter2", &quote]);
        text
    };
    for levels in [1, 2, MAX_LEVELS, MAX_LEVELS + 1, 150] {
        let hidden = redacted(&nested(levels));
        assert!(hidden.contains(REDACTED) && !hidden.contains("hunter2"), "{levels}");
        assert_eq!(hidden.contains("token"), levels <= MAX_LEVELS, "{levels}");
    }
}

#[test]
fn a4_lists_of_headers_are_searched() {
    for (text, expected) in [
        (
            r#"[["Authorization","Bearer x"],["Accept","a"]]"#,
            r#"[["Authorization","[REDACTED]"],["Accept","a"]]"#,
        ),
        (r#"[{"name":"Cookie","value":"a=b"}]"#, r#"[{"name":"Cookie","value":"[REDACTED]"}]"#),
        (
            r#"{"value":"x","password":"y","Name":"token"}"#,
            r#"{"value":"[REDACTED]","password":"[REDACTED]","Name":"token"}"#,
        ),
        (
            r#"{"values":["x",{"a":"y"}],"key":"DB_PASS"}"#,
            r#"{"values":"[REDACTED]","key":"DB_PASS"}"#,
        ),
        (r#"{"name":"pin","value":1234}"#, r#"{"name":"pin","value":"[REDACTED]"}"#),
        (
            r#"{"name":"token","key":"x","value":"y"}"#,
            r#"{"name":"token","key":"x","value":"[REDACTED]"}"#,
        ),
        (
            r#"["API_KEY\u003dx","--token\u003dx\"y"]"#,
            r#"["API_KEY=[REDACTED]","--token=[REDACTED]"]"#,
        ),
        (r#"{"name":"city","value":"Rome"}"#, r#"{"name":"city","value":"Rome"}"#),
        (r#"["Authorization: Bearer x","A: b"]"#, r#"["Authorization: [REDACTED]","A: b"]"#),
        (
            r#"["OPENAI_API_KEY=sk-1","--token=x"]"#,
            r#"["OPENAI_API_KEY=[REDACTED]","--token=[REDACTED]"]"#,
        ),
        (r#"["run","--api-key","x","y"]"#, r#"["run","--api-key","[REDACTED]","y"]"#),
        ("[1]\n[1,\"API_KEY=x\",\"pwd=\"]", "[1]\n[1,\"API_KEY=[REDACTED]\",\"pwd=\"]"),
        (r#"{"required":["password","user"]}"#, r#"{"required":["password","user"]}"#),
    ] {
        assert_eq!(redacted(text), expected);
        assert_eq!(redacted(expected), expected, "a second look finds nothing");
    }
}

#[test]
fn a4_numbers_under_a_key_of_numbers_are_hidden() {
    assert_eq!(
        redacted(r#"{"ssn":123456789,"pin":[1,-2.5e3],"token":7,"cvv":null,"n":1}"#),
        r#"{"ssn":"[REDACTED]","pin":["[REDACTED]","[REDACTED]"],"token":7,"cvv":null,"n":1}"#
    );
}

#[test]
fn a4_quoted_json_and_blocks_of_it_are_searched() {
    let inner = r#"{"password":"x"}"#;
    let quoted = serde_json::to_string(inner).unwrap();
    let twice = serde_json::to_string(&quoted).unwrap();
    for text in [
        quoted,
        twice,
        format!("\u{feff}{inner}"),
        format!("```json\n{inner}\n```"),
        format!("Here, [is] {inner} and [\"a\"] \" {inner}"),
    ] {
        let hidden = redacted(&text);
        assert!(hidden.contains(REDACTED) && !hidden.contains("\"x"), "{hidden}");
    }
}

#[test]
fn a4_urls_in_json_are_searched() {
    assert_eq!(
        redacted(r#"{"a":"https:\/\/u:p@h\/x?api_key=S","b":"ftp://u:p@h"}"#),
        r#"{"a":"https://[REDACTED]@h/x?api_key=[REDACTED]","b":"ftp://[REDACTED]@h"}"#
    );
}

#[test]
fn a4_what_is_not_json_stays() {
    for text in [
        "",
        "{",
        "[\"",
        "password: {\"x\"}",
        "\"",
        "]]}{\"",
        "{}",
        r#"{"max_tokens":"5"}"#,
        "[\"\\",
    ] {
        assert_eq!(redact(&search(), text, 0), None, "{text}");
    }
}

#[test]
fn a4_depth_costs_no_stack() {
    let text = format!("{}{}", "[".repeat(1_000_000), r#"{"token":"t"}"#);
    assert!(redacted(&text).ends_with(r#"{"token":"[REDACTED]"}"#));
}

proptest! {
    #[test]
    fn a4_json_stays_json(value in any_json(), secret: String) {
        let text = json!({"a": [value, {"token": secret}], "b": {"cookie": value}}).to_string();
        // Few words, none of which the value contains.
        let mut search = Search::default();
        search.words.add(["token", "cookie"]);
        let (redacted, _) = search.text(&text, 0).unwrap();
        let parsed: Json = serde_json::from_str(&redacted).unwrap();
        prop_assert_eq!(&parsed["a"][1]["token"], REDACTED);
        prop_assert_eq!(&parsed["a"][0], &value);
    }

    #[test]
    fn a4_any_text_is_searched_without_a_panic(text in "[{\\[][\\[\\]{},:\"\\\\a-cé \u{0}]{0,60}") {
        let mut search = Search::default();
        search.words.add(["a", "b"]);
        search.text(&text, 0);
    }
}
