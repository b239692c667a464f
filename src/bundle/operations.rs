//! What a viewer does to the data before it shows rows, and the scopes that follow from it.

use std::fmt;

use serde_json::{Value, json};

use super::canonical::{digest, is_nothing};

/// The version segment of a bundle without operations.
pub(super) const RAW_VERSION: &str = "raw";
const DOMAIN: &str = "recell operations 1";

/// The operations of a viewer's state, each whatever JSON the host has for it, in the order in
/// which they are applied. Null, empty texts, lists and objects are no operations.
///
/// Sorting is none: a sorted window is no bundle.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operations {
    cleaning: Vec<Value>,
    filters: Vec<Value>,
    post_processing: Vec<Value>,
}

/// Which rows stats are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The data as it is.
    Raw,
    /// The data after cleaning.
    Clean,
    /// The data after all operations: the rows of the window.
    Filtered,
}

impl Scope {
    /// All scopes, the one with the fewest operations first.
    pub const ALL: [Scope; 3] = [Scope::Raw, Scope::Clean, Scope::Filtered];

    /// Returns the scope's name: `raw`, `clean`, `filtered`.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Raw => "raw",
            Scope::Clean => "clean",
            Scope::Filtered => "filtered",
        }
    }

    /// Returns the scope of that name.
    pub fn of_name(name: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Operations {
    /// Returns no operations: the window shows the data as it is.
    pub fn none() -> Operations {
        Operations::default()
    }

    /// Adds an operation that cleans the data.
    #[must_use]
    pub fn cleaning(mut self, operation: impl Into<Value>) -> Operations {
        add(&mut self.cleaning, operation.into());
        self
    }

    /// Adds a search or another filter of rows.
    #[must_use]
    pub fn filter(mut self, operation: impl Into<Value>) -> Operations {
        add(&mut self.filters, operation.into());
        self
    }

    /// Adds what is done with the rows that are left.
    #[must_use]
    pub fn post_processing(mut self, operation: impl Into<Value>) -> Operations {
        add(&mut self.post_processing, operation.into());
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chain(Scope::Filtered).is_none()
    }

    /// Returns the operations as JSON: an object with a list for each kind that has some.
    pub fn to_json(&self) -> Value {
        self.chain(Scope::Filtered).unwrap_or_else(|| json!({}))
    }

    /// Reads what [`Operations::to_json`] made.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn from_json(value: &Value) -> Result<Operations, String> {
        let fields = value.as_object().ok_or("operations are a JSON object")?;
        let mut operations = Operations::none();
        for (kind, list) in fields {
            let target = match kind.as_str() {
                "cleaning" => &mut operations.cleaning,
                "filters" => &mut operations.filters,
                "post_processing" => &mut operations.post_processing,
                other => {
                    return Err(format!(
                        "`{other}` is no kind of operation: cleaning, filters, post_processing"
                    ));
                }
            };
            let list = list.as_array().ok_or_else(|| format!("`{kind}` is not a list"))?;
            for operation in list {
                add(target, operation.clone());
            }
        }
        Ok(operations)
    }

    /// Returns the operations that lead to the rows of a scope; `None` if there are none.
    fn chain(&self, scope: Scope) -> Option<Value> {
        let mut fields = serde_json::Map::new();
        let mut put = |name: &str, list: &[Value]| {
            if !list.is_empty() {
                fields.insert(name.to_owned(), list.into());
            }
        };
        if scope >= Scope::Clean {
            put("cleaning", &self.cleaning);
        }
        if scope >= Scope::Filtered {
            put("filters", &self.filters);
            put("post_processing", &self.post_processing);
        }
        (!fields.is_empty()).then_some(Value::Object(fields))
    }

    /// Returns the first scope whose rows are those of `scope`: where nothing is cleaned, clean is
    /// raw.
    pub fn effective(&self, scope: Scope) -> Scope {
        let chain = self.chain(scope);
        let first = Scope::ALL.into_iter().find(|other| self.chain(*other) == chain);
        first.unwrap_or(scope)
    }

    /// Returns the scopes that have rows of their own: raw always, and those with operations.
    pub fn scopes(&self) -> Vec<Scope> {
        Scope::ALL.into_iter().filter(|scope| self.effective(*scope) == *scope).collect()
    }

    /// Returns what names the rows of a scope: `raw`, or 32 hex digits.
    pub(super) fn digest_of(&self, scope: Scope) -> String {
        self.chain(scope).map_or_else(|| RAW_VERSION.to_owned(), |chain| digest(DOMAIN, &chain))
    }
}

fn add(list: &mut Vec<Value>, operation: Value) {
    if !is_nothing(&operation) {
        list.push(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_done_is_the_data_as_it_is() {
        let operations =
            Operations::none().filter("").cleaning(Value::Null).post_processing(json!([]));
        assert!(operations.is_empty());
        assert_eq!(operations.digest_of(Scope::Filtered), "raw");
        assert_eq!(operations.scopes(), [Scope::Raw]);
        assert_eq!(operations.effective(Scope::Filtered), Scope::Raw);
    }

    #[test]
    fn scopes_with_the_same_rows_are_one() {
        let cleaned = Operations::none().cleaning("aggressive");
        assert_eq!(cleaned.scopes(), [Scope::Raw, Scope::Clean]);
        assert_eq!(cleaned.effective(Scope::Filtered), Scope::Clean);
        let searched = Operations::none().filter(json!({"search": "UA"}));
        assert_eq!(searched.scopes(), [Scope::Raw, Scope::Filtered]);
        assert_eq!(searched.effective(Scope::Clean), Scope::Raw);
        let both = cleaned.clone().filter(json!({"search": "UA"}));
        assert_eq!(both.scopes(), Scope::ALL);
        assert_eq!(both.digest_of(Scope::Clean), cleaned.digest_of(Scope::Filtered));
    }

    #[test]
    fn the_kind_and_the_order_of_operations_count() {
        let all = [
            Operations::none(),
            Operations::none().filter("a"),
            Operations::none().cleaning("a"),
            Operations::none().post_processing("a"),
            Operations::none().filter("a").filter("b"),
            Operations::none().filter("b").filter("a"),
            Operations::none().filter("ab"),
        ];
        for (at, one) in all.iter().enumerate() {
            let same = Operations::from_json(&one.to_json()).unwrap();
            assert_eq!(&same, one);
            for two in &all[at + 1..] {
                assert_ne!(one.digest_of(Scope::Filtered), two.digest_of(Scope::Filtered));
            }
        }
    }

    #[test]
    fn what_is_no_operations_is_named() {
        for (value, why) in [
            (json!([]), "object"),
            (json!({"sort": ["a"]}), "`sort` is no kind"),
            (json!({"filters": "UA"}), "`filters` is not a list"),
        ] {
            let found = Operations::from_json(&value).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }
}
