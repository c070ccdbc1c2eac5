use serde_json::json;

use super::*;
use crate::attributes::SpanLimits;

fn redacted(key: &'static str, value: Json) -> Json {
    let mut attributes = Attributes::new();
    attributes.set(key, value);
    Redactor::default().redact(&mut attributes, 0);
    serde_json::to_value(&attributes).unwrap()[key].take()
}

#[test]
fn a4_strings_under_a_secret_key_are_hidden_and_numbers_stay() {
    assert_eq!(redacted("user.password", json!("hunter2")), REDACTED);
    assert_eq!(redacted("token", json!(12)), 12);
    assert_eq!(redacted("llm.usage.input_tokens", json!("12")), "12");
    assert_eq!(
        redacted("token", json!(["a", 1, {"b": "c"}])),
        json!([REDACTED, 1, {"b": REDACTED}])
    );
}

#[test]
fn a4_nested_json_is_searched() {
    assert_eq!(
        redacted("request", json!({"headers": [{"Cookie": "c", "Accept": "*"}], "max_tokens": 5})),
        json!({"headers": [{"Cookie": REDACTED, "Accept": "*"}], "max_tokens": 5})
    );
    assert_eq!(
        redacted("request", json!({"body": r#"{"apiKey":"k"}"#})),
        json!({"body": r#"{"apiKey":"[REDACTED]"}"#})
    );
    assert_eq!(redacted("text", json!(r#"[{"ssn":"1"}]"#)), r#"[{"ssn":"[REDACTED]"}]"#);
}

#[test]
fn a4_numbers_that_are_secrets_are_hidden() {
    assert_eq!(redacted("user.pin", json!(1234)), REDACTED);
    assert_eq!(redacted("card_number", json!(4111.5)), REDACTED);
    assert_eq!(
        redacted("user", json!({"ssn": 123_456_789, "cvv": [1], "token": 2, "pwd": null})),
        json!({"ssn": REDACTED, "cvv": [REDACTED], "token": 2, "pwd": null})
    );
}

/// Searches each value as JSON and as text.
#[test]
fn a4_headers_variables_and_options_are_searched_in_every_form() {
    for (value, expected) in [
        (
            json!([["Authorization", "Bearer x"], ["Accept", "a"]]),
            json!([["Authorization", REDACTED], ["Accept", "a"]]),
        ),
        (
            json!([{"name": "Authorization", "value": "Bearer x"}]),
            json!([{"name": "Authorization", "value": REDACTED}]),
        ),
        (
            json!({"Key": "DB_PASS", "Value": {"a": "x"}}),
            json!({"Key": "DB_PASS", "Value": {"a": REDACTED}}),
        ),
        (json!(["Authorization: Bearer x"]), json!(["Authorization: [REDACTED]"])),
        (json!(["API_KEY=x", "A=b"]), json!(["API_KEY=[REDACTED]", "A=b"])),
        (json!(["--token", "x", "y"]), json!(["--token", REDACTED, "y"])),
        (json!(["https://u:p@h"]), json!(["https://[REDACTED]@h"])),
        (json!({"required": ["password", "b"]}), json!({"required": ["password", "b"]})),
        (
            json!({"rawHeaders": ["Host", "h", "X-Api-Key", "x"]}),
            json!({"rawHeaders": ["Host", "h", "X-Api-Key", REDACTED]}),
        ),
        (
            json!({"headers": ["token", "a", ["Cookie", "x"]]}),
            json!({"headers": ["token", "a", ["Cookie", REDACTED]]}),
        ),
        (
            json!([{"headerName": "Cookie", "headerValue": "x"}, {"k": "pwd", "v": 1}]),
            json!([{"headerName": "Cookie", "headerValue": REDACTED}, {"k": "pwd", "v": REDACTED}]),
        ),
        (
            json!({"default": "x", "id": "password", "value": "y"}),
            json!({"default": REDACTED, "id": "password", "value": REDACTED}),
        ),
        (json!(["--header=Cookie: x", "--n=1"]), json!(["--header=Cookie: [REDACTED]", "--n=1"])),
        (
            json!({"properties": {"token": {"type": "string", "title": "a", "default": "x"}}}),
            json!({"properties": {"token": {"type": "string", "title": "a", "default": REDACTED}}}),
        ),
        (
            json!({"secret": {"properties": {"a": {"type": "x"}}}}),
            json!({"secret": {"properties": {"a": {"type": REDACTED}}}}),
        ),
    ] {
        assert_eq!(redacted("request", value.clone()), expected);
        assert_eq!(redacted("request", expected.clone()), expected, "a second look");
        let text = redacted("request", json!(value.to_string()));
        let text: Json = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert_eq!(text, expected, "as text");
    }
}

#[test]
fn a4_tokens_inside_text_are_found_on_request() {
    let text = "try ghp_0123456789abcdefghijABCDEFGHIJ012345";
    assert_eq!(redacted("prompt", json!(text)), text);
    for redactor in [Redactor::default(), Redactor::none()] {
        let redactor = redactor.with_known_tokens();
        assert_eq!(redactor.redacted("prompt", text.into()), "try [REDACTED]");
        let json = Value::from(json!([{"content": text}]));
        assert!(redactor.redacted("messages", json) == json!([{"content": "try [REDACTED]"}]));
    }
}

#[test]
fn a4_json_that_is_shared_is_not_changed_for_others() {
    let shared = Arc::new(json!({"secret": "s"}));
    let mut attributes = Attributes::new();
    attributes.set("json", Value::Json(Arc::clone(&shared)));
    assert_eq!(Redactor::default().redact(&mut attributes, 0), 1);
    assert_eq!(*shared, json!({"secret": "s"}));
    assert!(attributes.get("json").unwrap() == json!({"secret": REDACTED}));
}

#[test]
fn a4_only_what_is_new_is_screened() {
    let mut attributes = Attributes::from_iter([("token", "a"), ("secret", "b")]);
    let redactor = Redactor::default();
    assert_eq!(redactor.redact(&mut attributes, 1), 1);
    assert_eq!(attributes.get("token"), Some("a".into()));
    assert_eq!(redactor.redact(&mut attributes, 0), 1);
    assert_eq!(redactor.redact(&mut attributes, 0), 0);
    assert_eq!(redactor.redact(&mut attributes, 9), 0);
}

#[test]
fn a4_the_list_can_be_extended_and_emptied() {
    let mut attributes = Attributes::from_iter([("token", "a"), ("shoe_size", "b")]);
    assert_eq!(Redactor::none().redact(&mut attributes, 0), 0);
    assert_eq!(Redactor::new(["shoe"]).redact(&mut attributes, 0), 1);
    assert_eq!(attributes.get("token"), Some("a".into()));
    assert!(Redactor::default().with_words(["shoe"]).is_secret_key("shoeSize"));
}

/// Ends only if the time grows with the length of the text, not with its square.
#[test]
fn a4_text_made_to_be_slow_is_searched_in_linear_time() {
    const TIMES: usize = 1 << 16;
    let redactor = Redactor::default().with_known_tokens();
    for (part, is_key) in [
        ("?key=", false),
        ("://a:b", false),
        ("Cookie:", false),
        ("A_KEY=", false),
        ("pwd='", false),
        ("--", false),
        ("--pwd x", false),
        (r#"{"":{}}"#, false),
        ("sk-", false),
        ("eyJ-", false),
        ("-----BEGIN PRIVATE KEY-----", false),
        ("stop_token_", true),
    ] {
        let text = part.repeat(TIMES);
        let text = if is_key { json!([{ text: 1 }]).to_string() } else { text };
        redactor.redacted("text", text.into());
    }
    let backslashes = "\\".repeat(TIMES);
    assert_eq!(Redactor::without_values(&backslashes, &["sk-1"]), backslashes);
}

#[test]
fn a2_what_grew_by_hiding_still_fits() {
    let limits = SpanLimits { max_value_bytes: 200, ..SpanLimits::DEFAULT };
    let mut attributes = Attributes::with_limits(limits);
    attributes.set("list", json!({"token": vec!["x"; 40]}));
    assert!(attributes.losses().is_empty());
    assert_eq!(Redactor::default().redact(&mut attributes, 0), 40);
    assert!(attributes.get("list").unwrap().to_string().len() <= 200);
    assert_eq!(attributes.losses().cut_values, 1);
}
