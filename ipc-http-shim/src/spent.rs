//! Where the time to the head of an answer went.

use std::time::Duration;

use http::{HeaderName, Response};
use ipc_core::envelope::{HandlerTime, QueueTime};

pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Where the time to the head of an answer went.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Spent {
    /// In the gateway, before the request was sent on.
    pub(crate) admission: Duration,
    /// Beyond the gateway, and where.
    pub(crate) beyond: Option<(Beyond, Duration)>,
    /// Of that, before the handler began, where the service tells.
    pub(crate) queue: Option<Duration>,
    /// Of that, in the handler, where the service tells.
    pub(crate) handler: Option<Duration>,
}

/// What is beyond the gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beyond {
    Kafka,
    Legacy,
}

impl Beyond {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Legacy => "legacy",
        }
    }
}

impl Spent {
    /// Adds what a service tells of itself: beside its reply, from some milliseconds on,
    /// else in `server-timing` as its metrics `queue` and `handler`. What a legacy upstream
    /// says there is its own affair.
    pub(crate) fn told_by<B>(mut self, answer: &Response<B>) -> Self {
        if !matches!(self.beyond, Some((Beyond::Kafka, _))) {
            return self;
        }
        let lines = answer.headers().get_all(SERVER_TIMING).iter();
        let metrics = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','));
        for metric in metrics {
            let mut parts = metric.split(';').map(str::trim);
            let place = match parts.next() {
                Some("queue") => &mut self.queue,
                Some("handler") => &mut self.handler,
                _ => continue,
            };
            *place = parts.find_map(duration).or(*place);
        }
        let told = answer.extensions();
        let queue = told.get::<QueueTime>().map(|time| time.0);
        let handler = told.get::<HandlerTime>().map(|time| time.0);
        self.queue = queue.or(self.queue);
        self.handler = handler.or(self.handler);
        self
    }

    /// Of the time over Kafka, what the service does not tell of itself: the way of the
    /// request and of the reply.
    pub(crate) fn reply(&self) -> Option<Duration> {
        let (Beyond::Kafka, spent) = self.beyond? else {
            return None;
        };
        let told = self.queue.unwrap_or_default() + self.handler.unwrap_or_default();
        Some(spent.saturating_sub(told))
    }

    /// At the legacy upstream.
    pub(crate) fn legacy(&self) -> Option<Duration> {
        match self.beyond? {
            (Beyond::Legacy, spent) => Some(spent),
            (Beyond::Kafka, _) => None,
        }
    }
}

/// `dur=12.5`, in milliseconds. Longer than a day is not believed.
fn duration(part: &str) -> Option<Duration> {
    const DAY: f64 = 24.0 * 60.0 * 60.0 * 1000.0;
    let text = part.strip_prefix("dur=")?.trim_matches('"');
    let milliseconds: f64 = text.parse().ok()?;
    (0.0..=DAY)
        .contains(&milliseconds)
        .then(|| Duration::from_secs_f64(milliseconds / 1000.0))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn answer(lines: &[&'static str]) -> Response<()> {
        let mut answer = Response::new(());
        for line in lines {
            let line = HeaderValue::from_static(line);
            answer.headers_mut().append(SERVER_TIMING, line);
        }
        answer
    }

    fn over_kafka(answer: &Response<()>) -> Spent {
        let spent = Spent {
            beyond: Some((Beyond::Kafka, Duration::from_millis(20))),
            ..Spent::default()
        };
        spent.told_by(answer)
    }

    fn told(lines: &[&'static str]) -> Spent {
        over_kafka(&answer(lines))
    }

    #[test]
    fn what_stands_beside_a_reply_goes_before_its_headers() {
        let mut answer = answer(&["queue;dur=1, handler;dur=2"]);
        let handled = HandlerTime(Duration::from_millis(12));
        answer.extensions_mut().insert(handled);

        let spent = over_kafka(&answer);

        assert_eq!(spent.queue, Some(Duration::from_millis(1)));
        assert_eq!(spent.handler, Some(Duration::from_millis(12)));
    }

    #[test]
    fn what_a_service_tells_of_itself_is_taken_from_what_its_reply_took() {
        let spent = told(&["db;dur=3, queue;desc=\"x\";dur=1.5", "handler;dur=8"]);

        assert_eq!(spent.queue, Some(Duration::from_micros(1500)));
        assert_eq!(spent.handler, Some(Duration::from_millis(8)));
        assert_eq!(spent.reply(), Some(Duration::from_micros(10_500)));
    }

    #[test]
    fn what_no_service_can_have_spent_is_not_believed() {
        for line in [
            "queue;dur=-1",
            "queue;dur=NaN",
            "queue;dur=1e300",
            "queue",
            "queue;dur=",
        ] {
            assert_eq!(told(&[line]).queue, None, "{line}");
        }
        // Clocks differ.
        assert_eq!(told(&["handler;dur=50"]).reply(), Some(Duration::ZERO));
    }
}
