//! Luck of every kind: whatever a wire does to frames, the stream arrives as it was sent.

use crate::common::{parse, run};
use lab::programs::bytes::{sha256_hex, stretch};
use lab::recording::task_of;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn transfer(seed: u64, kilobytes: usize, wire: &str) -> String {
    let size = kilobytes * 1000;
    let text = format!(
        "seed = {seed}\nuntil = \"3600s\"\n[[host]]\nname = \"a\"\naddress = \"10.0.0.1/24\"\n[[host]]\nname = \"b\"\n\
         address = \"10.0.0.2/24\"\n[[wire]]\nbetween = [\"a\", \"b\"]\n{wire}\n\
         [[program]]\nhost = \"b\"\nbuiltin = \"httpd\"\n[[program]]\nhost = \"a\"\nbuiltin = \"curl\"\n\
         args = [\"-s\", \"-S\", \"-o\", \"x\", \"-w\", \"%{{size_download}} %{{sha256_download}}\", \"http://10.0.0.2/bytes/{size}\"]\nstart = \"1ms\"\n"
    );
    let lab = run(parse("luck.toml", &text));
    for host in lab.world().hosts() {
        assert_eq!(host.mem().in_use(), 0, "packet memory of {} is left", host.name());
    }
    lab.output(task_of(1))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, rng_seed: RngSeed::Fixed(48), max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_stream_arrives_exactly(
        seed in any::<u32>(),
        kilobytes in 1usize..60,
        (loss, duplicate, reorder, corrupt) in (0u32..8, 0u32..8, 0u32..8, 0u32..4),
        (rate, delay_us) in (prop_oneof![Just("1Mbit"), Just("20Mbit"), Just("1Gbit")], 0u32..20_000),
    ) {
        let wire = format!(
            "loss = {loss}\nduplicate = {duplicate}\nreorder = {reorder}\ncorrupt = {corrupt}\n\
             rate = \"{rate}\"\ndelay = \"{delay_us}us\""
        );
        let size = kilobytes * 1000;
        let expected = format!("{size} {}", sha256_hex(&stretch(0, size)));
        let told = transfer(seed.into(), kilobytes, &wire);
        // Three lost ARP questions in a row are a proper error: the connection never was.
        let no_neighbour = told.starts_with("curl: (7)") && told.contains("after 3000 ms");
        prop_assert!(no_neighbour || told == expected, "{told} is not {expected}");
    }
}
