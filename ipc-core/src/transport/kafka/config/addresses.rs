//! The form of `bootstrap.servers`; whether anybody is there is another matter.

use super::fault::Fault;

/// The fault of each address that cannot be one.
pub(super) fn faults(servers: &str) -> Vec<Fault> {
    servers
        .split(',')
        .filter_map(|address| {
            let reason = address_fault(address.trim())?;
            let mend =
                format!("address {address:?} {reason}: name the cluster as host:port[,host:port]");
            Some(Fault::new("bootstrap.servers", Some(servers), mend))
        })
        .collect()
}

fn address_fault(address: &str) -> Option<&'static str> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("plaintext", address));
    let known = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"];
    if !known.iter().any(|name| name.eq_ignore_ascii_case(scheme)) {
        return Some("is not a Kafka listener");
    }
    let Some((host, port)) = rest.rsplit_once(':') else {
        return Some("has no port");
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
        Some("has no valid host")
    } else if host.contains(':') && !bracketed {
        Some("is an IPv6 address without brackets")
    } else if port.parse::<u16>().map_or(true, |port| port == 0) {
        Some("has no valid port")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_host_and_port() {
        for good in [
            "localhost:9092",
            "a.example:9092, b.example:9093",
            "[::1]:9092",
            "SASL_SSL://broker:9094",
        ] {
            assert_eq!(faults(good), [], "{good}");
        }
        for (bad, why) in [
            ("", "no port"),
            ("localhost", "no port"),
            ("localhost:", "no valid port"),
            ("localhost:0", "no valid port"),
            ("localhost:99999", "no valid port"),
            (":9092", "no valid host"),
            ("http://localhost:9092", "not a Kafka listener"),
            ("::1:9092", "without brackets"),
            ("a:9092,,b:9092", "no port"),
            ("user:pw@host:9092", "no valid host"),
        ] {
            let faults = faults(bad);
            assert_eq!(faults.len(), 1, "{bad}");
            assert!(faults[0].mend.contains(why), "{bad}: {}", faults[0]);
        }
    }
}
