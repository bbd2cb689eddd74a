//! Who a request is from, where other proxies stand before this one.

use std::net::IpAddr;

use ipnet::IpNet;

use super::mistake::Report;
use super::section::Section;
use super::suggest;
use super::value::FromText;

/// Which proxies before this one say truly for whom a request is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Proxies {
    /// Their addresses. Default: none, so that the client is whoever has opened the
    /// connection.
    pub trusted: Vec<IpNet>,
    /// The header they append clients to. Default: `x-forwarded-for`. The other one is
    /// not looked at, since a client may have written it.
    pub header: ClientHeader,
}

/// The header that trusted proxies append clients to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientHeader {
    /// `x-forwarded-for`
    #[default]
    XForwardedFor,
    /// `forwarded` (RFC 7239)
    Forwarded,
}

impl ClientHeader {
    pub(crate) const ALL: [Self; 2] = [Self::XForwardedFor, Self::Forwarded];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// An address, or a network of them.
struct Network(IpNet);

impl FromText for Network {
    const EXPECTED: &'static str = "an address or a network";
    const MEND: &'static str = "write one, as in \"10.0.0.7\" or \"10.0.0.0/8\"";

    fn from_text(text: &str) -> Option<Self> {
        let network = text.parse().ok();
        let alone = || text.parse::<IpAddr>().ok().map(IpNet::from);
        network.or_else(alone).map(Self)
    }
}

/// Reads `trusted_proxies` and `client_header` at the top of the file.
pub(super) fn read(root: &Section<'_>, report: &mut Report<'_>) -> Proxies {
    let trusted = root.list::<Network>("trusted_proxies", report);
    let trusted = trusted.unwrap_or_default();
    let mut proxies = Proxies {
        trusted: trusted.into_iter().map(|network| network.0).collect(),
        ..Proxies::default()
    };
    if let Some(written) = root.text("client_header", report) {
        let mut known = ClientHeader::ALL.into_iter();
        match known.find(|header| header.name() == written.value) {
            Some(header) => proxies.header = header,
            None => report.add(
                written.place,
                format!("client_header {:?} is unknown", written.value),
                suggest::mend(
                    &written.value,
                    ClientHeader::ALL.into_iter().map(ClientHeader::name),
                ),
            ),
        }
    }
    proxies
}
