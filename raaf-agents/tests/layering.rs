//! Agents know the core and no sink.

#[test]
fn agents_depend_on_no_sink() {
    let manifest = include_str!("../Cargo.toml");
    let (dependencies, _) = manifest.split_once("[dev-dependencies]").unwrap();
    let ours: Vec<_> = dependencies.lines().filter(|line| line.starts_with("raaf-")).collect();
    assert_eq!(ours, ["raaf-trace-core.workspace = true"]);
}
