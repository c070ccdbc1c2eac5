//! Errors about unknown options.

use strsim::osa_distance;

/// Returns the message for an unknown option: the nearest known one, or else `advice`, and the list
/// of all.
pub(crate) fn unknown(option: &str, known: &[&str], advice: Option<String>) -> String {
    let options = list(known);
    match (closest(option, known), advice) {
        (Some(near), _) => {
            format!("unknown option `{option}`; did you mean `{near}`? Options are {options}")
        }
        (None, Some(advice)) => {
            format!("unknown option `{option}`; {advice}; options are {options}")
        }
        (None, None) => format!("unknown option `{option}`; options are {options}"),
    }
}

/// Returns the words as a sentence lists them: "`a`, `b` and `c`".
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Returns the known word nearest to a misspelled one, if one is near.
fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|known| (osa_distance(word, known), *known));
    near.filter(|(far, known)| *far <= known.len().div_ceil(4)).min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_option_is_suggested_before_other_advice() {
        let message = |option| unknown(option, &["name", "kind", "skip_if"], Some("stop".into()));
        let misspelt =
            "unknown option `nmae`; did you mean `name`? Options are `name`, `kind` and `skip_if`";
        assert_eq!(message("nmae"), misspelt);
        assert!(message("knid").contains("`kind`?"));
        assert!(message("skipif").contains("`skip_if`?"));
        let other = "unknown option `limit`; stop; options are `name`, `kind` and `skip_if`";
        assert_eq!(message("limit"), other);
        assert_eq!(
            unknown("x", &["transparent"], None),
            "unknown option `x`; options are `transparent`"
        );
    }
}
