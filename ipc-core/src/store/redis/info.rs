//! What a server says of itself.

/// Scripts read the clock and then write, which replicas and the append-only file
/// of older versions cannot repeat.
const OLDEST: u32 = 5;

/// What keeps a server that answers `INFO` with `info` from being a store, to be
/// read behind its address.
pub(super) fn faults(info: &str) -> Vec<String> {
    let version = value(info, "redis_version").unwrap_or("unknown");
    let is_new_enough = major(version).is_some_and(|major| major >= OLDEST);
    let is_one_server = value(info, "redis_mode") != Some("cluster");
    let policy = value(info, "maxmemory_policy");

    let mut faults = Vec::new();
    if !is_new_enough {
        faults.push(format!(
            "has version {version}: redis {OLDEST} or newer, or valkey, is needed"
        ));
    }
    if !is_one_server {
        faults.push(
            "is part of a redis cluster: this store needs a server that has every key, or \
             the primary of one"
                .to_owned(),
        );
    }
    match policy {
        Some("noeviction") => {}
        Some(policy) => faults.push(format!(
            "throws keys away when its memory is full, and with them what was done \
             (maxmemory-policy {policy}): CONFIG SET maxmemory-policy noeviction, or name a \
             server that is not a cache"
        )),
        None => faults.push(
            "does not say in INFO whether it throws keys away: a server is needed that \
             tells its maxmemory_policy, and it must be noeviction"
                .to_owned(),
        ),
    }
    faults
}

/// Whether what it was given lately is gone after a crash.
pub(super) fn forgets_in_a_crash(info: &str) -> bool {
    value(info, "aof_enabled") == Some("0")
}

fn value<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = info.lines().filter_map(|line| line.split_once(':'));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.trim_end())
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn info(version: &str, mode: &str, policy: &str) -> String {
        format!(
            "# Server\r\nredis_version:{version}\r\nredis_mode:{mode}\r\n\r\n# Memory\r\n\
             maxmemory_policy:{policy}\r\n# Persistence\r\naof_enabled:0\r\n"
        )
    }

    #[test]
    fn a_server_that_keeps_its_keys_has_no_fault() {
        let info = info("7.2.4", "standalone", "noeviction");
        assert_eq!(faults(&info), [""; 0]);
        assert!(forgets_in_a_crash(&info));
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_mend() {
        let faults = faults(&info("4.0.14", "cluster", "allkeys-lru"));
        let [version, cluster, policy] = &faults[..] else {
            panic!("{faults:?}");
        };
        assert!(version.contains("4.0.14"), "{version}");
        assert!(cluster.contains("cluster"), "{cluster}");
        let mend = "CONFIG SET maxmemory-policy noeviction";
        assert!(
            policy.contains("allkeys-lru") && policy.contains(mend),
            "{policy}"
        );
    }

    #[test]
    fn a_server_that_does_not_tell_is_not_trusted() {
        assert_eq!(faults("").len(), 2);
    }

    proptest! {
        #[test]
        fn whatever_a_server_says_is_read(info in any::<String>()) {
            let _ = (faults(&info), forgets_in_a_crash(&info));
        }
    }
}
