//! Compile errors of malformed trees.

#[test]
fn a_mistake_in_the_notation_is_explained() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
