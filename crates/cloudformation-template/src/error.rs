//! Why a text is not a template.

/// A text cannot be read as a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct TemplateError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The reason.
    pub fault: TemplateFault,
}

/// The reason why a text cannot be read as a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateFault {
    /// The text is neither JSON nor YAML.
    #[error("{0}")]
    Syntax(String),
    /// The document is not an object, or the text has no document.
    #[error("a template must be an object with the section `Resources`")]
    NotAnObject,
    /// A mapping's key is a list or an object.
    #[error("a key must be a text, not a list or an object")]
    KeyNotScalar,
    /// An alias refers to no anchor above it.
    #[error("an alias must name an anchor that is defined before the alias")]
    UnknownAlias,
    /// `<<` is used with something other than an object or a list of objects.
    #[error("`<<` must have an object or a list of objects")]
    MergeOfNoObject,
    /// Values are nested deeper than allowed.
    #[error("values must be nested at most {0} levels deep")]
    TooDeep(usize),
    /// The document has more values than allowed, which aliases of aliases can cause.
    #[error("the template must have at most {0} values, counting those that aliases repeat")]
    TooMany(usize),
    /// The text is longer than allowed.
    #[error("the template must have at most {0} bytes")]
    TooLong(usize),
}
