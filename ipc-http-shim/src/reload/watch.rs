//! Noticing that a file has other contents.

use std::path::PathBuf;
use std::time::Duration;

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at a file's contents. Names, times and links are not looked at: however a
/// file is replaced, by an editor, by `mv`, or by the links of a Kubernetes config
/// map, what it says is what counts.
pub(super) struct Watch {
    path: PathBuf,
    /// What was tried last.
    tried: Result<String, String>,
}

impl Watch {
    pub(super) fn new(path: PathBuf, tried: String) -> Self {
        Self {
            path,
            tried: Ok(tried),
        }
    }

    /// What the file says now, or why it cannot be read; tried from now on.
    pub(super) async fn read(&mut self) -> Result<String, String> {
        self.tried = self.look().await;
        self.tried.clone()
    }

    /// Waits until the file says something else than what was tried last, and has
    /// said so twice: once alone may be half of what is being written.
    pub(super) async fn changed(&mut self) -> Result<String, String> {
        let mut seen = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.look().await;
            if now == self.tried {
                seen = None;
            } else if seen.as_ref() == Some(&now) {
                self.tried = now;
                return self.tried.clone();
            } else {
                seen = Some(now);
            }
        }
    }

    async fn look(&self) -> Result<String, String> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            std::fs::read_to_string(&path)
                .map_err(|error| format!("{} cannot be read: {error}", path.display()))
        });
        // It fails only where the runtime ends, and this with it.
        read.await.unwrap_or_else(|error| Err(error.to_string()))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn other_contents_are_noticed_once_they_stand_still() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shim.toml");
        std::fs::write(&path, "one").expect("it is written");
        let mut watch = Watch::new(path.clone(), "one".to_owned());

        let written = async {
            // Two looks see different halves.
            for text in ["t", "tw", "two"] {
                std::fs::write(&path, text).expect("it is written");
                tokio::time::sleep(LOOK).await;
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
        let mut watch = Watch::new(at("shim.toml"), "one".to_owned());

        symlink("..2", at("..data_tmp")).expect("it is linked");
        std::fs::rename(at("..data_tmp"), at("..data")).expect("it is swapped");

        assert_eq!(watch.changed().await, Ok("two".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_goes_away_is_told_of_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shim.toml");
        let mut watch = Watch::new(path.clone(), "one".to_owned());

        let gone = watch.changed().await.expect_err("it is not there");
        assert!(gone.contains("shim.toml cannot be read"), "{gone}");
        let again = tokio::time::timeout(10 * LOOK, watch.changed()).await;
        assert!(again.is_err(), "{again:?}");
    }
}
