//! Pages of JSON: one object, several one after the other, or an array of them.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use serde_json::{Deserializer, Value as Json};

use super::error::FactsError;

/// The keys by which a page says that it is not the last. Sources: AWS CLI User Guide, "Pagination"; the API references' `Marker`.
const CUT_OFF: [&str; 3] = ["NextToken", "nextToken", "Marker"];

/// One JSON object of a file: a page of a listing, or the whole.
#[derive(Debug)]
pub(in crate::iam) struct Page {
    pub(in crate::iam) value: Json,
    file: Arc<Path>,
    number: usize,
}

impl Page {
    /// The pages of a text; one that is cut off must be followed by the next of its listing.
    ///
    /// # Errors
    /// [`FactsError`]: no JSON, nothing at all, or a listing that is cut off.
    pub(in crate::iam) fn all(text: &str, file: &Path, command: &'static str) -> Result<Vec<Self>, FactsError> {
        let mut values = Vec::new();
        for value in Deserializer::from_str(text).into_iter::<Json>() {
            match value {
                Ok(Json::Array(list)) => values.extend(list),
                Ok(one) => values.push(one),
                Err(source) => return Err(not_json(source, file, command)),
            }
        }
        let file: Arc<Path> = file.into();
        let page = |(number, value)| Self { value, file: Arc::clone(&file), number };
        let pages: Vec<Self> = (1..).zip(values).map(page).collect();
        if pages.is_empty() {
            return Err(empty(&file, command));
        }
        let mut following = pages.iter().skip(1);
        for page in &pages {
            let next = following.next();
            if let Some(key) = cut_off(&page.value).filter(|_| !next.is_some_and(|next| page.goes_on_in(next))) {
                return Err(page.error(
                    key,
                    "a page that goes on with the listing",
                    rest(page.command().unwrap_or(command)),
                ));
            }
        }
        Ok(pages)
    }

    /// Whether another page is of the same listing.
    fn goes_on_in(&self, other: &Self) -> bool {
        let lists = self.value.as_object().into_iter().flatten().filter(|(_, value)| value.is_array());
        lists.map(|(key, _)| key).any(|key| other.value.get(key).is_some_and(Json::is_array))
    }

    /// What writes such a page, where several commands write into one file.
    fn command(&self) -> Option<&'static str> {
        let of_key = [
            ("workgroups", "aws redshift-serverless list-workgroups"),
            ("namespaces", "aws redshift-serverless list-namespaces"),
        ];
        of_key.into_iter().find(|(key, _)| self.value.get(key).is_some()).map(|(_, command)| command)
    }

    /// The same for a text in which no object may have a key twice.
    ///
    /// # Errors
    /// [`FactsError`].
    pub(in crate::iam) fn all_unique(text: &str, file: &Path, command: &'static str) -> Result<Vec<Self>, FactsError> {
        for found in Deserializer::from_str(text).into_iter::<super::unique::Unique>() {
            found.map_err(|source| not_json(source, file, command))?;
        }
        Self::all(text, file, command)
    }

    /// An error at a place of this page.
    pub(in crate::iam) fn error(
        &self,
        place: &str,
        expected: impl Into<String>,
        advice: impl Into<String>,
    ) -> FactsError {
        shape(&self.file, self.number, place, expected, advice)
    }

    /// The list under a key, empty when it is absent.
    pub(in crate::iam) fn list<'p>(&self, parent: &'p Json, key: &str, place: &str) -> Result<&'p [Json], FactsError> {
        Ok(self.list_if_any(parent, key, place)?.unwrap_or_default())
    }

    /// The list under a key; `None` when the key is not there.
    pub(in crate::iam) fn list_if_any<'p>(
        &self,
        parent: &'p Json,
        key: &str,
        place: &str,
    ) -> Result<Option<&'p [Json]>, FactsError> {
        match parent.get(key) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Array(list)) => Ok(Some(list)),
            Some(_) => Err(self.error(&join(place, key), "a list", "write the file again with the command")),
        }
    }

    /// When the page was captured, if it says so: `iam pull` writes it.
    pub(in crate::iam) fn captured_at(&self) -> Result<Option<Timestamp>, FactsError> {
        let Some(value) = self.value.get("captured_at") else { return Ok(None) };
        let time = value.as_str().and_then(|text| text.parse().ok());
        let wrong = || self.error("captured_at", "a time such as 2026-01-31T12:00:00Z", "correct it");
        time.map(Some).ok_or_else(wrong)
    }

    /// The text under a key, which must be there.
    pub(in crate::iam) fn text<'p>(&self, parent: &'p Json, key: &str, place: &str) -> Result<&'p str, FactsError> {
        let found = parent.get(key).and_then(Json::as_str);
        found.ok_or_else(|| self.error(&join(place, key), "a text", "write the file again with the command"))
    }
}

/// The key that says that a page is cut off.
fn cut_off(page: &Json) -> Option<&'static str> {
    if page.get("IsTruncated").and_then(Json::as_bool) == Some(true) {
        return Some("IsTruncated");
    }
    CUT_OFF.into_iter().find(|key| page.get(key).and_then(Json::as_str).is_some_and(|token| !token.is_empty()))
}

/// How to read what a page that is cut off lacks.
pub(super) fn rest(command: &str) -> String {
    format!(
        "the output is cut off: write it again with {command}, without --max-items, --page-size and --no-paginate, or append what \
         the same command says with --starting-token"
    )
}

pub(super) fn not_json(source: serde_json::Error, file: &Path, command: &'static str) -> FactsError {
    FactsError::Json { file: file.to_owned(), line: source.line(), column: source.column(), command, source }
}

pub(super) fn empty(file: &Path, command: &str) -> FactsError {
    FactsError::Shape {
        file: file.to_owned(),
        place: "line 1".to_owned(),
        expected: format!("the output of {command}"),
        advice: "the file is empty: write it again".to_owned(),
    }
}

pub(super) fn shape(
    file: &Path,
    number: usize,
    place: &str,
    expected: impl Into<String>,
    advice: impl Into<String>,
) -> FactsError {
    FactsError::Shape {
        file: file.to_owned(),
        place: format!("page {number}, {place}"),
        expected: expected.into(),
        advice: advice.into(),
    }
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}
