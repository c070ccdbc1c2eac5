//! Names of the sinks whose features are off, for the error of a program that names one.

macro_rules! absent_without_features {
    ($($name:tt),*) => {$(
        #[cfg(not(feature = $name))]
        raaf_trace_model::submit! {
            raaf_trace_model::sink::registry::AbsentSink::new(
                $name,
                concat!("its feature `", $name, "` of raaf-processors is off"),
            )
        }
    )*};
}

absent_without_features!("console", "file", "memory", "openai", "otlp", "prometheus");
