//! Changes to the JSON of an answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A change to a page of tasks. Paths are JSON pointers, in which `*` stands for every element: `/tasks/*/sub_tasks/*/progress`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum PageEdit {
    /// `count` is off by this.
    Count(i64),
    /// The page's last task is its first once more.
    Duplicate,
    /// The page lacks its last so many tasks; with enough of them, all.
    Shorten(usize),
    /// Another value, of any type, at a path.
    Set {
        /// Where.
        path: String,
        /// The value.
        value: Value,
    },
    /// Nothing at a path.
    Remove(String),
    /// A string of so many bytes at a path.
    Inflate {
        /// Where.
        path: String,
        /// The string's length.
        bytes: usize,
    },
    /// Every number is a string.
    NumbersAsStrings,
}

impl PageEdit {
    pub(super) fn apply(&self, page: &mut Value) {
        match self {
            Self::Count(by) => add_to_count(page, *by),
            Self::Duplicate => duplicate(page),
            Self::Shorten(by) => shorten(page, *by),
            Self::Set { path, value } => at_path(page, path, &mut |place| place.clone_from(value)),
            Self::Remove(path) => remove(page, path),
            Self::Inflate { path, bytes } => {
                let huge = Value::from("x".repeat(*bytes));
                at_path(page, path, &mut |place| place.clone_from(&huge));
            }
            Self::NumbersAsStrings => numbers_as_strings(page),
        }
    }
}

fn add_to_count(page: &mut Value, by: i64) {
    if let Some(count) = page.get_mut("count") {
        *count = count.as_i64().unwrap_or_default().saturating_add(by).into();
    }
}

fn tasks(page: &mut Value) -> Option<&mut Vec<Value>> {
    page.get_mut("tasks")?.as_array_mut()
}

fn duplicate(page: &mut Value) {
    if let Some([first, .., last]) = tasks(page).map(Vec::as_mut_slice) {
        *last = first.clone();
    }
}

fn shorten(page: &mut Value, by: usize) {
    if let Some(tasks) = tasks(page) {
        tasks.truncate(tasks.len().saturating_sub(by));
    }
}

/// Does something to every value that a path names.
fn at_path(value: &mut Value, path: &str, edit: &mut impl FnMut(&mut Value)) {
    let Some(path) = path.strip_prefix('/') else {
        return edit(value);
    };
    let (token, rest) = path.find('/').map_or((path, ""), |slash| path.split_at(slash));
    for child in children(value, token) {
        at_path(child, rest, edit);
    }
}

fn children<'a>(value: &'a mut Value, token: &str) -> Vec<&'a mut Value> {
    match (value, token) {
        (Value::Array(items), "*") => items.iter_mut().collect(),
        (Value::Object(fields), "*") => fields.values_mut().collect(),
        (Value::Array(items), index) => {
            index.parse().ok().and_then(|index: usize| items.get_mut(index)).into_iter().collect()
        }
        (Value::Object(fields), name) => fields.get_mut(name).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn remove(page: &mut Value, path: &str) {
    let Some((parent, name)) = path.rsplit_once('/') else {
        return;
    };
    at_path(page, parent, &mut |place| match place {
        Value::Object(fields) => {
            fields.remove(name);
        }
        Value::Array(items) => {
            if let Some(index) = name.parse().ok().filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    });
}

fn numbers_as_strings(value: &mut Value) {
    match value {
        Value::Number(number) => *value = number.to_string().into(),
        Value::Array(items) => items.iter_mut().for_each(numbers_as_strings),
        Value::Object(fields) => fields.values_mut().for_each(numbers_as_strings),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn edited(edit: &PageEdit) -> Value {
        let mut page = json!({"count": 3, "tasks": [
            {"id": "a", "sub_tasks": [{"progress": 1}, {"progress": 2}]},
            {"id": "b", "sub_tasks": []},
            {"id": "c", "sub_tasks": [{"progress": 3}]},
        ]});
        edit.apply(&mut page);
        page
    }

    fn ids(page: &Value) -> Vec<&str> {
        page["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect()
    }

    #[test]
    fn count_is_off_and_may_be_negative() {
        assert_eq!(edited(&PageEdit::Count(2))["count"], 5);
        assert_eq!(edited(&PageEdit::Count(-4))["count"], -1);
    }

    #[test]
    fn pages_lose_and_repeat_tasks() {
        assert_eq!(ids(&edited(&PageEdit::Duplicate)), ["a", "b", "a"]);
        assert_eq!(ids(&edited(&PageEdit::Shorten(1))), ["a", "b"]);
        assert!(ids(&edited(&PageEdit::Shorten(9))).is_empty());
    }

    #[test]
    fn a_star_means_every_element() {
        let page = edited(&PageEdit::Set { path: "/tasks/*/sub_tasks/*/progress".into(), value: json!(-7) });
        assert_eq!(page["tasks"][0]["sub_tasks"], json!([{"progress": -7}, {"progress": -7}]));
        assert_eq!(page["tasks"][2]["sub_tasks"], json!([{"progress": -7}]));
    }

    #[test]
    fn an_index_means_one_element_and_a_wrong_path_none() {
        let page = edited(&PageEdit::Set { path: "/tasks/1".into(), value: Value::Null });
        assert_eq!(page["tasks"][1], Value::Null);
        assert_eq!(page["tasks"][0]["id"], "a");
        let untouched = edited(&PageEdit::Set { path: "/tasks/9/id".into(), value: Value::Null });
        assert_eq!(untouched, edited(&PageEdit::Count(0)));
    }

    #[test]
    fn fields_and_elements_are_removed() {
        let page = edited(&PageEdit::Remove("/tasks/*/id".into()));
        assert!(page["tasks"].as_array().unwrap().iter().all(|task| task.get("id").is_none()));
        assert_eq!(ids(&edited(&PageEdit::Remove("/tasks/1".into()))), ["a", "c"]);
    }

    #[test]
    fn strings_are_inflated_and_numbers_become_strings() {
        let inflated = edited(&PageEdit::Inflate { path: "/tasks/0/id".into(), bytes: 1000 });
        assert_eq!(inflated["tasks"][0]["id"].as_str().map(str::len), Some(1000));
        let page = edited(&PageEdit::NumbersAsStrings);
        assert_eq!(page["count"], "3");
        assert_eq!(page["tasks"][2]["sub_tasks"][0]["progress"], "3");
    }
}
