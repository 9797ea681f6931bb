use super::model::{Page, Task};
use crate::error::Error;

const PAGE: usize = 200;

/// All tasks, a page after the other, until one isn't full.
pub(super) async fn list(client: &reqwest::Client, endpoint: &str, token: &str) -> Result<Vec<Task>, Error> {
    let mut tasks = Vec::new();
    loop {
        let url = format!("{endpoint}/v3/tasks?limit={PAGE}&offset={}", tasks.len());
        let answer = client.get(url).header("X-Auth-Token", token).send().await?;
        if !answer.status().is_success() {
            return Err(Error::SmsRefused { status: answer.status() });
        }
        let page: Page = serde_json::from_slice(&answer.bytes().await?).map_err(Error::SmsJson)?;
        let is_last = page.tasks.len() < PAGE;
        tasks.extend(page.tasks);
        if is_last {
            return Ok(tasks);
        }
    }
}
