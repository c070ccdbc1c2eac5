//! Tests of span trees.
