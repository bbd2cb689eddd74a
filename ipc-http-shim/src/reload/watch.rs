//! Noticing that files have other contents.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Source;
use crate::config::referred;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at the contents of a configuration file, and of those that it refers to.
/// Names, times and links are not looked at: however a file is replaced, by an editor,
/// by `mv`, or by the links of a Kubernetes config map or secret, what it says is what
/// counts.
pub(super) struct Watch {
    source: Arc<Source>,
    /// What was tried last.
    tried: Seen,
}

/// What a configuration file and those that it refers to have said at one time.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen {
    text: Result<String, String>,
    /// Of what the configuration refers to no more than a hash, which tells it from what
    /// it was; `None` where it cannot be read.
    others: BTreeMap<PathBuf, Option<u64>>,
}

impl Watch {
    /// Begins with what was tried before.
    pub(super) fn new(source: Arc<Source>, tried: Seen) -> Self {
        Self { source, tried }
    }

    /// What the file says now, or why it cannot be read; tried from now on.
    pub(super) async fn read(&mut self) -> Result<String, String> {
        self.tried = self.look().await;
        self.tried.text.clone()
    }

    /// Waits until a file says something else than what was tried last, and has
    /// said so twice: once alone may be half of what is being written. Answers with what
    /// the configuration file says.
    pub(super) async fn changed(&mut self) -> Result<String, String> {
        let mut seen = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.look().await;
            if now == self.tried {
                seen = None;
            } else if seen.as_ref() == Some(&now) {
                self.tried = now;
                return self.tried.text.clone();
            } else {
                seen = Some(now);
            }
        }
    }

    async fn look(&self) -> Seen {
        let source = Arc::clone(&self.source);
        read(move || {
            let text = std::fs::read_to_string(&source.path)
                .map_err(|error| format!("{} cannot be read: {error}", source.path.display()));
            Seen::with(&source, text)
        })
        .await
    }
}

impl Seen {
    pub(super) fn with(source: &Source, text: Result<String, String>) -> Self {
        let others = text.as_ref().map(|text| {
            let file = source.path.display().to_string();
            referred(&file, text, &source.overrides)
        });
        let others = others.unwrap_or_default().into_iter();
        Self {
            others: others
                .map(|path| {
                    let hash = hash(&path);
                    (path, hash)
                })
                .collect(),
            text,
        }
    }
}

fn hash(file: &Path) -> Option<u64> {
    let contents = std::fs::read(file).ok()?;
    let mut hasher = DefaultHasher::new();
    contents.hash(&mut hasher);
    Some(hasher.finish())
}

/// Reads files where that holds up nobody.
async fn read(read: impl FnOnce() -> Seen + Send + 'static) -> Seen {
    let seen = tokio::task::spawn_blocking(read).await;
    // It fails only where the runtime ends, and this with it.
    seen.unwrap_or_else(|error| Seen {
        text: Err(error.to_string()),
        others: BTreeMap::new(),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::config::Overrides;

    fn watch(path: &Path, tried: &str) -> Watch {
        let source = Source {
            path: path.to_owned(),
            overrides: Overrides::default(),
        };
        let tried = source.seen(tried.to_owned());
        Watch::new(Arc::new(source), tried)
    }

    #[tokio::test(start_paused = true)]
    async fn other_contents_are_noticed_once_they_stand_still() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shim.toml");
        std::fs::write(&path, "one").expect("it is written");
        let mut watch = watch(&path, "one");

        let written = async {
            // Between two looks each: two of them see different halves.
            for text in ["t", "tw", "two"] {
                tokio::time::sleep(LOOK / 2).await;
                std::fs::write(&path, text).expect("it is written");
                tokio::time::sleep(LOOK / 2).await;
            }
        };
        let (noticed, ()) = tokio::join!(watch.changed(), written);
        assert_eq!(noticed, Ok("two".to_owned()));

        let still = tokio::time::timeout(10 * LOOK, watch.changed()).await;
        assert!(still.is_err(), "{still:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_config_map_whose_links_are_swapped_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for (version, text) in [("..1", "one"), ("..2", "two")] {
            std::fs::create_dir(at(version)).expect("it is made");
            std::fs::write(at(version).join("shim.toml"), text).expect("it is written");
        }
        symlink("..1", at("..data")).expect("it is linked");
        symlink("..data/shim.toml", at("shim.toml")).expect("it is linked");
        let mut watch = watch(&at("shim.toml"), "one");

        symlink("..2", at("..data_tmp")).expect("it is linked");
        std::fs::rename(at("..data_tmp"), at("..data")).expect("it is swapped");

        assert_eq!(watch.changed().await, Ok("two".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_goes_away_is_told_of_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shim.toml");
        let mut watch = watch(&path, "one");

        let gone = watch.changed().await.expect_err("it is not there");
        assert!(gone.contains("shim.toml cannot be read"), "{gone}");
        let again = tokio::time::timeout(10 * LOOK, watch.changed()).await;
        assert!(again.is_err(), "{again:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_the_configuration_refers_to_is_looked_at_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("secret"), "hunter2").expect("it is written");
        let secret = at("secret").display().to_string();
        let text = format!("[tls]\nkey = \"{secret}\"\n");
        std::fs::write(at("shim.toml"), &text).expect("it is written");
        let mut watch = watch(&at("shim.toml"), &text);

        std::fs::write(at("secret"), "hunter3").expect("it is written");
        assert_eq!(watch.changed().await, Ok(text.clone()));

        std::fs::remove_file(at("secret")).expect("it is there");
        assert_eq!(watch.changed().await, Ok(text));
    }
}
