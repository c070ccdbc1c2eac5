//! Merging of parallel branches.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::State;

/// Merge strategy of a key that several branches of a parallel group have changed.
///
/// If a strategy does not apply to the values, such as [`Deep`](Self::Deep) to a number, the last
/// branch wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// Takes the value of the branch declared last.
    #[default]
    Last,
    /// Makes an array of the items of all arrays, and of other values as items, in the order of
    /// declaration. Items that the array started with before the branches are kept once.
    Append,
    /// Merges objects key by key, at any depth, and keeps each branch's changes. If two branches
    /// changed the same member, the last one wins.
    Deep,
    /// Merges arrays of objects by the value of this key in each object: objects with equal values
    /// are merged as by [`Deep`](Self::Deep), new ones are appended.
    ById(String),
}

/// Strategies by key.
#[derive(Clone, Debug, Default)]
pub(super) struct MergePlan {
    pub(super) default: Merge,
    pub(super) keys: Vec<(String, Merge)>,
}

impl Merge {
    fn name(&self) -> String {
        match self {
            Self::Last => "last".to_owned(),
            Self::Append => "append".to_owned(),
            Self::Deep => "deep".to_owned(),
            Self::ById(id) => format!("by {id}"),
        }
    }
}

impl MergePlan {
    /// Returns what a diagram says about the strategies.
    pub(super) fn notes(&self) -> Vec<String> {
        let keys = self.keys.iter().map(|(key, merge)| format!("merge of {key}: {}", merge.name()));
        [format!("merge: {}", self.default.name())].into_iter().chain(keys).collect()
    }

    fn of(&self, key: &str) -> &Merge {
        let named = self.keys.iter().rev().find(|(named, _)| named == key);
        named.map_or(&self.default, |(_, merge)| merge)
    }

    /// Applies the changes of each branch to `before`. A value that a branch did not change does
    /// not undo another branch's change.
    pub(super) fn merge(&self, before: State, branches: Vec<State>) -> State {
        let before = before.into_values();
        let mut merged = before.clone();
        // Keys that a branch has set: only these can conflict.
        let mut changed: Vec<Arc<str>> = Vec::new();
        for after in branches {
            let after = after.into_values();
            merged.retain(|key, _| after.contains_key(key) || !before.contains_key(key));
            for (key, value) in after {
                let old = before.get(&key);
                if old == Some(&value) {
                    continue;
                }
                let value = match merged.remove(&key) {
                    Some(so_far) if changed.contains(&key) => {
                        let [so_far, value] = [so_far, value].map(Arc::unwrap_or_clone);
                        Arc::new(join(self.of(&key), old.map(|old| &**old), so_far, value))
                    }
                    _ => value,
                };
                changed.push(Arc::clone(&key));
                merged.insert(key, value);
            }
        }
        merged.into()
    }
}

fn join(merge: &Merge, before: Option<&Json>, so_far: Json, value: Json) -> Json {
    match (merge, so_far, value) {
        (Merge::Append, so_far, value) => append(before, so_far, value),
        (Merge::Deep, Json::Object(so_far), Json::Object(value)) => {
            Json::Object(deep(before.and_then(Json::as_object), so_far, value))
        }
        (Merge::ById(id), Json::Array(so_far), Json::Array(value)) => {
            Json::Array(by_id(id, before.and_then(Json::as_array), so_far, value))
        }
        (_, _, value) => value,
    }
}

fn append(before: Option<&Json>, so_far: Json, value: Json) -> Json {
    let mut items = match so_far {
        Json::Array(items) => items,
        other => vec![other],
    };
    match value {
        Json::Array(more) => {
            let shared = before.and_then(Json::as_array).filter(|before| more.starts_with(before));
            items.extend(more.into_iter().skip(shared.map_or(0, Vec::len)));
        }
        other => items.push(other),
    }
    Json::Array(items)
}

type Object = Map<String, Json>;

/// Bound on the depth of a merge; below, the last branch wins. Parsed JSON is never deeper, and
/// values built in code must not overflow the stack.
const MAX_DEPTH: usize = 128;

fn deep(before: Option<&Object>, so_far: Object, value: Object) -> Object {
    deep_within(before, so_far, value, MAX_DEPTH)
}

fn deep_within(before: Option<&Object>, mut so_far: Object, value: Object, depth: usize) -> Object {
    let old = |key: &str| before.and_then(|before| before.get(key));
    so_far.retain(|key, _| value.contains_key(key) || old(key).is_none());
    for (key, value) in value {
        if old(&key) == Some(&value) {
            continue;
        }
        let value = match (so_far.remove(&key), value) {
            (Some(Json::Object(so_far)), Json::Object(value)) if depth > 0 => {
                let old = old(&key).and_then(Json::as_object);
                Json::Object(deep_within(old, so_far, value, depth - 1))
            }
            (_, value) => value,
        };
        so_far.insert(key, value);
    }
    so_far
}

fn by_id(
    id: &str,
    before: Option<&Vec<Json>>,
    mut so_far: Vec<Json>,
    value: Vec<Json>,
) -> Vec<Json> {
    let before = before.map_or(&[][..], Vec::as_slice);
    let position = |items: &[Json], wanted: &Json| {
        items.iter().position(|item| item.get(id).is_some_and(|found| found == wanted))
    };
    let was_removed = |item: &Json| {
        item.get(id)
            .is_some_and(|own| position(before, own).is_some() && position(&value, own).is_none())
    };
    so_far.retain(|item| !was_removed(item));
    for item in value {
        let Some(own) = item.get(id).cloned() else {
            if !before.contains(&item) {
                so_far.push(item);
            }
            continue;
        };
        let old = position(before, &own).map(|index| &before[index]);
        if old == Some(&item) {
            continue;
        }
        let Some(index) = position(&so_far, &own) else {
            so_far.push(item);
            continue;
        };
        if let (Json::Object(one), Json::Object(other)) = (so_far[index].take(), item) {
            so_far[index] = Json::Object(deep(old.and_then(Json::as_object), one, other));
        }
    }
    so_far
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(merge: Merge, before: &Json, branches: &[Json]) -> Json {
        let state = |value: &Json| State::new().with("key", value.clone());
        let plan = MergePlan { default: merge, keys: Vec::new() };
        let merged = plan.merge(state(before), branches.iter().map(state).collect());
        merged.value("key").cloned().unwrap_or_default()
    }

    #[test]
    fn branches_do_not_undo_each_other() {
        let before = State::new().with("a", 1).with("b", 1).with("c", 1);
        let mut first = before.clone().with("a", 2);
        first.remove("c");
        let second = before.clone().with("b", 2);
        let merged = MergePlan::default().merge(before, vec![first, second]);
        assert_eq!(merged, State::new().with("a", 2).with("b", 2));
    }

    #[test]
    fn the_last_branch_that_changed_a_key_wins() {
        let branches = [json!(2), json!(3), json!(1)];
        assert_eq!(merged(Merge::Last, &json!(1), &branches), json!(3));
    }

    #[test]
    fn appending_keeps_what_was_there_once() {
        let branches = [json!([1, 2]), json!([1, 3]), json!([1])];
        assert_eq!(merged(Merge::Append, &json!([1]), &branches), json!([1, 2, 3]));
        let branches = [json!("x"), json!("y"), json!(["z"])];
        assert_eq!(merged(Merge::Append, &json!(null), &branches), json!(["x", "y", "z"]));
    }

    #[test]
    fn a_deep_merge_keeps_each_branchs_changes() {
        let before = json!({"a": {"x": 1, "y": 1, "gone": 1}, "b": 1});
        let branches = [
            json!({"a": {"x": 2, "y": 1}, "b": 1}),
            json!({"a": {"x": 1, "y": 2, "z": 2, "gone": 1}, "b": 2}),
        ];
        let expected = json!({"a": {"x": 2, "y": 2, "z": 2}, "b": 2});
        assert_eq!(merged(Merge::Deep, &before, &branches), expected);
    }

    #[test]
    fn lists_are_merged_by_id() {
        let before = json!([{"id": 1, "a": 0, "b": 0}, {"id": 2}]);
        let branches = [
            json!([{"id": 1, "a": 1, "b": 0}, {"id": 2}, {"id": 3}]),
            json!([{"id": 1, "a": 0, "b": 1}, {"id": 4}, "no id"]),
        ];
        let expected = json!([{"id": 1, "a": 1, "b": 1}, {"id": 3}, {"id": 4}, "no id"]);
        assert_eq!(merged(Merge::ById("id".into()), &before, &branches), expected);
    }

    #[test]
    fn the_last_branch_wins_if_a_strategy_does_not_apply() {
        for merge in [Merge::Deep, Merge::ById("id".into())] {
            assert_eq!(merged(merge, &json!(null), &[json!(1), json!({"a": 1})]), json!({"a": 1}));
        }
    }

    #[test]
    fn strategies_can_differ_by_key() {
        let plan = MergePlan { default: Merge::Last, keys: vec![("list".into(), Merge::Append)] };
        let branch = |n: i64| State::new().with("list", json!([n])).with("one", n);
        let merged = plan.merge(State::new(), vec![branch(1), branch(2)]);
        assert_eq!(merged, State::new().with("list", json!([1, 2])).with("one", 2));
    }
}
