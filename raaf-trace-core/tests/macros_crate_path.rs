//! `crate = path`: the macros behind another name, and inside macros of the user's.

mod support;

mod vendored {
    pub(crate) use raaf_trace_core as tracing;
}

use support::Seen;
use vendored::tracing::{Traceable, traced};

#[derive(Traceable)]
#[trace(crate = crate::vendored::tracing)]
struct Tool(vendored::tracing::Component);

impl Tool {
    #[traced(
        crate = crate::vendored::tracing,
        result = |number, attributes| { attributes.set("n", *number); },
    )]
    fn run(&self) -> Result<u8, String> {
        Ok(1)
    }
}

macro_rules! make {
    ($name:ident, $value:expr) => {
        impl Tool {
            #[traced(with(value = $value))]
            fn $name(&self) -> u8 {
                $value
            }
        }
    };
}

make!(made, 3_u8);

#[test]
fn the_crate_is_found_by_another_path() {
    let seen = Seen::new();
    assert_eq!(Tool(seen.tool()).run(), Ok(1));
    assert_eq!(seen.take(), ["run n=1: ok u8"]);
}

#[test]
fn a_macro_of_the_users_may_write_the_attribute() {
    let seen = Seen::new();
    assert_eq!(Tool(seen.tool()).made(), 3);
    assert_eq!(seen.take(), ["made value=3: ok u8"]);
}
