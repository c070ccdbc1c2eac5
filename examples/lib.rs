//! What the examples share: nothing but this page. See the files beside it.
