//! Values that cannot tell of a failure.

/// A value that is not a `Result`: work that returns it has succeeded.
///
/// The forms for plain values ask for it, so that a failure cannot pass for a success unnoticed. A
/// `Result` fits in two ways, which leaves `Form` ambiguous: the compiler then asks for type
/// annotations, and what it needs is the form for `Result`s.
pub trait PlainValue<Form> {}

/// The ways by which a value is plain.
pub mod form {
    /// By being any value.
    #[derive(Debug)]
    pub enum Plain {}
    /// By being a `Result`, for which the other form is right.
    #[derive(Debug)]
    pub enum ResultNeedsTryInSpan {}
}

impl<V> PlainValue<form::Plain> for V {}
impl<V, E> PlainValue<form::ResultNeedsTryInSpan> for Result<V, E> {}
