//! What is said of the errors of a server.

use redis::{ErrorKind, RedisError};

/// What happened, to be read behind the server's address, with the mend where there
/// is one. Of a server's own words only the code: the rest may quote what it was sent.
pub(super) fn reason(error: &RedisError) -> String {
    match (error.kind(), error.code()) {
        (ErrorKind::Io, _) => format!("cannot be reached: {error}"),
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => {
            "refuses the user or the password of its address".to_owned()
        }
        (_, Some(code)) => format!("{} ({code})", refusal(code)),
        (_, None) => format!("answers what is not understood: {}", error.category()),
    }
}

/// The codes that somebody can do something about.
fn refusal(code: &str) -> &'static str {
    match code {
        "OOM" => {
            "has no memory left for a claim or a reply: give it more maxmemory, or keep \
             replies for less long"
        }
        "NOAUTH" => "asks for a password: write redis://[user]:password@host:port",
        "NOPERM" => {
            "does not permit its user what this store does: ACL SETUSER that user with \
             ~ipc:dedup:* (or the prefix you chose) and +evalsha +script|load +info +time \
             +hmget +hget +hset +hdel +pexpire"
        }
        "READONLY" => "is a replica, which takes no writes: name its primary",
        "MISCONF" => "takes no writes, because it cannot save them: see its log and its disk",
        "NOREPLICAS" => "takes no writes, because it has fewer replicas than it must have",
        "LOADING" => "is still loading its data",
        "BUSY" => "is busy with a script of somebody else",
        "MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN" => {
            "is part of a cluster, and this store needs a server that has every key"
        }
        _ => "refuses",
    }
}

#[cfg(test)]
mod tests {
    use redis::{Value, parse_redis_value};

    use super::*;

    fn answer(line: &str) -> RedisError {
        let value = parse_redis_value(line.as_bytes());
        match value.and_then(Value::extract_error) {
            Err(error) => error,
            Ok(value) => panic!("{value:?} is no error"),
        }
    }

    #[test]
    fn an_error_shows_its_code_and_nothing_that_was_sent() {
        let unknown = answer(
            "-ERR unknown command 'EVALSHA', with args beginning with: '3f' 'ipc:dedup:orders:77'\r\n",
        );
        let shown = reason(&unknown);
        assert!(shown.contains("(ERR)"), "{shown}");
        assert!(!shown.contains("orders:77"), "{shown}");
    }

    #[test]
    fn an_error_that_can_be_mended_says_how() {
        for (line, mend) in [
            ("-OOM command not allowed\r\n", "maxmemory"),
            ("-NOAUTH Authentication required.\r\n", "redis://"),
            ("-NOPERM this user has no permissions\r\n", "ACL SETUSER"),
            ("-READONLY You can't write\r\n", "primary"),
            ("-MOVED 3999 127.0.0.1:6381\r\n", "cluster"),
        ] {
            let shown = reason(&answer(line));
            assert!(shown.contains(mend), "{line}: {shown}");
        }
    }
}
