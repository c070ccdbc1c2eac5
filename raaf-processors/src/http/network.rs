//! Network settings of an environment.

use raaf_trace_model::environment::Environment;

use super::{certificates::Certificates, proxy::Proxies};

/// Proxies and certificates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(super) proxies: Proxies,
    pub(crate) certificates: Certificates,
}

impl Network {
    /// Reads the variables of proxies and of the system's authorities.
    pub(crate) fn read(environment: &Environment) -> Self {
        Self { proxies: Proxies::read(environment), certificates: Certificates::read(environment) }
    }
}
