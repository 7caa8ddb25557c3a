use futures_util::{StreamExt, TryStreamExt, stream};

use super::progress;
use crate::cli::{
    CliError,
    client::{Api, NewModule},
};

const REGISTRATIONS: usize = 16;

/// A module of the load, with its credential.
#[derive(Debug, Clone)]
pub struct BenchModule {
    /// Its identity.
    pub id: String,
    /// Its credential.
    pub token: String,
}

/// Registers `count` modules; those that are there already get a new credential.
///
/// # Errors
/// [`CliError::Client`] when the hub refuses.
pub async fn register_modules(api: &Api, count: usize) -> Result<Vec<BenchModule>, CliError> {
    let bar = progress(count, "registering modules");
    let registering = (0..count).map(|index| {
        let bar = &bar;
        async move {
            let id = format!("BENCH-{index:05}");
            let module = NewModule {
                module_id: id.clone(),
                name: format!("Bench {index}"),
                kind: "Bench".to_owned(),
                user_id: None,
            };
            let token = api.register(&module).await?.token;
            bar.inc(1);
            Ok::<_, CliError>(BenchModule { id, token })
        }
    });
    let modules = stream::iter(registering).buffered(REGISTRATIONS).try_collect().await?;
    bar.finish_and_clear();

    Ok(modules)
}

/// A reading that differs from the one before it: four values, as a small sensor has them.
pub fn reading(number: u64) -> String {
    let temperature = 20.0 + (number % 100) as f64 / 10.0;

    format!(
        r#"{{"counter":{number},"temperature":{temperature:.1},"on":{},"state":"running"}}"#,
        number.is_multiple_of(2)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_reading_is_an_object_that_changes() {
        let first: Value = serde_json::from_str(&reading(1)).unwrap();
        let second: Value = serde_json::from_str(&reading(2)).unwrap();

        assert_eq!(first.as_object().unwrap().len(), 4);
        assert_ne!(first, second);
    }
}
