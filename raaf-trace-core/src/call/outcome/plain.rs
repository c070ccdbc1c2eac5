//! Values without a failure case.

/// A value that is not a `Result`: work that returns it has succeeded.
///
/// The forms for plain values require it, so that a failure is not recorded as a success. A
/// `Result` implements it twice, which leaves `Form` ambiguous: the compiler then asks for type
/// annotations. Use the form for `Result`s instead.
pub trait PlainValue<Form> {}

/// Markers for the implementations of [`PlainValue`], which the compiler names in its errors.
pub mod plain_value {
    /// Any value.
    #[derive(Debug)]
    pub enum Plain {}
    /// A `Result`, which needs the other form.
    #[derive(Debug)]
    pub enum ResultNeedsTryInSpan {}
}

impl<V> PlainValue<plain_value::Plain> for V {}
impl<V, E> PlainValue<plain_value::ResultNeedsTryInSpan> for Result<V, E> {}
