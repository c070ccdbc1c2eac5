//! Builder for [`PrometheusSink`](super::PrometheusSink).

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use metrics::Recorder;
use raaf_trace_core::{
    diagnostics::{self, Category},
    sink::PerProcess,
};
use raaf_trace_model::{environment::SettingsError, kind::Kind};

use super::{
    PrometheusError, PrometheusSink,
    meters::Settings,
    names,
    output::Output,
    registry::Registry,
    server::{self, Door},
    shared::Shared,
    table,
    worker::Worker,
};
use crate::resource;

pub(super) const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// Builder for [`PrometheusSink`].
#[must_use = "a builder does nothing until it is built"]
pub struct PrometheusBuilder {
    to: To,
    settings: Settings,
    resource: Vec<(String, String)>,
    active_spans: bool,
    buckets: Vec<f64>,
    expected: Vec<(Kind, String)>,
    recorder_has_buckets: bool,
}

/// Destination of the metrics.
enum To {
    Endpoint(SocketAddr),
    Text,
    Given(Arc<dyn Recorder + Send + Sync>),
    Installed,
}

/// Behaviour if the address is in use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IfTaken {
    Fail,
    Wait,
}

impl Default for PrometheusBuilder {
    fn default() -> Self {
        Self {
            to: To::Endpoint(DEFAULT_ADDRESS),
            settings: Settings {
                components: 200,
                models: 50,
                by_method: false,
                by_workflow: false,
                gen_ai: true,
            },
            resource: vec![
                ("service.name".to_owned(), resource::unknown_service()),
                ("telemetry.sdk.name".to_owned(), "raaf".to_owned()),
                ("telemetry.sdk.language".to_owned(), "rust".to_owned()),
                ("telemetry.sdk.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ],
            active_spans: true,
            buckets: names::BUCKETS.to_vec(),
            expected: Vec::new(),
            recorder_has_buckets: false,
        }
    }
}

impl PrometheusBuilder {
    /// Sets the address of the endpoint, which serves metrics over HTTP at `/metrics`. With port 0
    /// the system chooses a port; [`PrometheusHandle::address`](super::PrometheusHandle::address)
    /// returns it. Default: `127.0.0.1:9464`.
    ///
    /// Anyone who can reach the address can read the metrics, including the names of components and
    /// models. Keep it on loopback, or restrict access to Prometheus.
    pub fn address(mut self, address: impl Into<SocketAddr>) -> Self {
        self.to = To::Endpoint(address.into());
        self
    }

    /// Starts no endpoint: metrics are read by
    /// [`PrometheusHandle::render`](super::PrometheusHandle::render).
    pub fn without_endpoint(mut self) -> Self {
        self.to = To::Text;
        self
    }

    /// Counts in a recorder of the application, which serves these metrics beside its own. The sink
    /// starts no endpoint. How exactly durations are counted is up to the recorder: that of
    /// `metrics-exporter-prometheus` 0.18 can lose one that is recorded while it renders, and has
    /// quantiles instead of buckets unless it is configured with these. Since a sink cannot see
    /// whether it is, building the sink warns unless
    /// [`recorder_has_buckets`](Self::recorder_has_buckets) states it.
    pub fn recorder(mut self, recorder: Arc<dyn Recorder + Send + Sync>) -> Self {
        self.to = To::Given(recorder);
        self
    }

    /// Uses the recorder that the application has installed for the process, and otherwise behaves
    /// like [`recorder`](Self::recorder). Install it before the first span: metrics are registered
    /// on first use, or by [`expect`](Self::expect), and what is registered before a recorder exists is lost.
    pub fn installed_recorder(mut self) -> Self {
        self.to = To::Installed;
        self
    }

    /// States that the application's recorder is configured with buckets, such as
    /// [`PrometheusSink::BUCKETS`], for the metrics whose names begin with `raaf_` and `gen_ai_`.
    pub fn recorder_has_buckets(mut self) -> Self {
        self.recorder_has_buckets = true;
        self
    }

    /// Sets how many components, as pairs of kind and name, have labels of their own, up to 65,536.
    /// Later ones are counted as `__other__`. Default: 200.
    pub fn max_components(mut self, components: usize) -> Self {
        self.settings.components = components;
        self
    }

    /// Creates the counters of a component when the sink is built, with 0, so that queries such as
    /// `increase` see its first failure even if that comes with its first span. Can be called for
    /// several components.
    pub fn expect(mut self, kind: impl Into<Kind>, component: impl Into<String>) -> Self {
        self.expected.push((kind.into(), component.into()));
        self
    }

    /// Sets how many models have labels of their own, up to 65,536. Later ones are counted as
    /// `__other__`. Default: 50.
    pub fn max_models(mut self, models: usize) -> Self {
        self.settings.models = models;
        self
    }

    /// Adds a label `method` to the metrics of components: the traced method. Each method of a
    /// component then counts towards [`max_components`](Self::max_components), and counters exist
    /// from the start of the first span. Default: false.
    pub fn by_method(mut self, label: bool) -> Self {
        self.settings.by_method = label;
        self
    }

    /// Adds a label `workflow` to the metrics of components: the name of the workflow. Each
    /// workflow of a component then counts towards [`max_components`](Self::max_components), and
    /// counters exist from the start of the first span. Default: false.
    pub fn by_workflow(mut self, label: bool) -> Self {
        self.settings.by_workflow = label;
        self
    }

    /// Counts by OpenTelemetry's GenAI conventions as well, in metrics that begin with `gen_ai_`.
    /// Default: true.
    pub fn gen_ai(mut self, metrics: bool) -> Self {
        self.settings.gen_ai = metrics;
        self
    }

    /// Sets the label `service_name` of `target_info`. Default: `unknown_service` with the name of
    /// the executable; a sink chosen by name reads `OTEL_SERVICE_NAME`.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.resource_attribute("service.name", name)
    }

    /// Adds a label to `target_info`, a metric of the endpoint and the text that describes the
    /// program. Dots in the key become underscores. A sink chosen by name reads
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn resource_attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource.push((key.into(), value.into()));
        self
    }

    /// Counts running spans. Without them, the sink receives no starts and costs about 50 % less,
    /// has no tokens by agent, and the counters of a component exist only from the end of its first span.
    /// Default: true.
    pub fn active_spans(mut self, count: bool) -> Self {
        self.active_spans = count;
        self
    }

    /// Sets the upper bounds of the buckets for durations, in seconds. An application's recorder
    /// has buckets of its own. Default: [`PrometheusSink::BUCKETS`].
    pub fn buckets(mut self, bounds: impl IntoIterator<Item = f64>) -> Self {
        self.buckets = bounds.into_iter().collect();
        self
    }

    /// Builds the sink, and starts its endpoint if it has one.
    ///
    /// # Errors
    ///
    /// If the address is in use, the thread cannot be started, the buckets do not increase, or a limit
    /// is too large.
    pub fn build(self) -> Result<PrometheusSink, PrometheusError> {
        self.build_with(IfTaken::Fail)
    }

    /// Builds the sink even if the address is in use: the failure is reported and binding is
    /// retried, while tracing and the other sinks continue.
    pub(super) fn build_patiently(self) -> Result<PrometheusSink, PrometheusError> {
        self.build_with(IfTaken::Wait)
    }

    fn build_with(self, if_taken: IfTaken) -> Result<PrometheusSink, PrometheusError> {
        let rises = self.buckets.is_sorted_by(|one, next| one < next);
        if !rises || self.buckets.is_empty() || self.buckets.iter().any(|one| !one.is_finite()) {
            return Err(PrometheusError::Buckets);
        }
        for (setting, limit) in
            [("max_components", self.settings.components), ("max_models", self.settings.models)]
        {
            if limit > table::MOST {
                let setting = format!("PrometheusBuilder::{setting}");
                let expected = format!("at most {}", table::MOST);
                return Err(SettingsError::in_code(&setting, &limit, &expected).into());
            }
        }
        if matches!(self.to, To::Given(_) | To::Installed) && !self.recorder_has_buckets {
            diagnostics::warn(
                Category::Export,
                format_args!(
                    "durations go to the application's recorder, which may have quantiles instead \
                     of `_bucket` series; configure it with `PrometheusSink::BUCKETS` for the \
                     prefixes `raaf_` and `gen_ai_`, and state that with `recorder_has_buckets`"
                ),
            );
        }
        let address = match self.to {
            To::Endpoint(address) => Some(address),
            To::Text | To::Given(_) | To::Installed => None,
        };
        let output = match self.to {
            To::Given(recorder) => Output::Given(recorder),
            To::Installed => Output::Installed,
            To::Endpoint(_) | To::Text => Output::Own(Registry::new(self.buckets, &self.resource)),
        };
        let shared = Arc::new(Shared::new(output, self.settings));
        for (kind, component) in &self.expected {
            shared.meters.expect(kind, component, &shared.recording);
        }
        let door = address.map(|address| open(address, &shared, if_taken)).transpose()?;
        let worker = Worker::start(Arc::clone(&shared), door).map_err(PrometheusError::Thread)?;
        let worker = PerProcess::new(Mutex::new(Some(worker)));
        Ok(PrometheusSink { shared, active_spans: self.active_spans, worker })
    }
}

fn open(address: SocketAddr, shared: &Shared, if_taken: IfTaken) -> Result<Door, PrometheusError> {
    match server::open(address) {
        Ok((listener, address)) => {
            shared.serves_at(Some(address), None);
            let text = format_args!("metrics are served at http://{address}/metrics");
            diagnostics::info(Category::Export, text);
            Ok(Door::Open(listener))
        }
        Err(source) => {
            let error = PrometheusError::Address { address, source };
            if if_taken == IfTaken::Fail {
                return Err(error);
            }
            diagnostics::warn(
                Category::Export,
                format_args!("{error}; binding is retried, and tracing continues"),
            );
            shared.serves_at(None, Some(error.to_string()));
            Ok(Door::Taken(address))
        }
    }
}

impl fmt::Debug for PrometheusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = match &self.to {
            To::Endpoint(address) => &address.to_string(),
            To::Text => "text",
            To::Given(_) => "a recorder",
            To::Installed => "the installed recorder",
        };
        f.debug_struct("PrometheusBuilder")
            .field("to", &to)
            .field("settings", &self.settings)
            .field("resource", &self.resource)
            .field("active_spans", &self.active_spans)
            .field("buckets", &self.buckets)
            .field("expected", &self.expected)
            .field("recorder_has_buckets", &self.recorder_has_buckets)
            .finish()
    }
}
