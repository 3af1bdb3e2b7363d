use super::*;

#[test]
fn reads_what_the_kernel_writes() {
    let stat = "7 (far) shore)) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
    assert_eq!(cpu_seconds(stat), Some(3.0));
    assert_eq!(cpu_seconds("7 (x) S 1"), None);
    let status = "Name:\tfarshore\nVmHWM:\t  900 kB\nVmRSS:\t   512 kB\n";
    assert_eq!(resident_bytes(status), Some(524_288));
    assert_eq!(resident_bytes("VmRSS:\tmany kB"), None);
}
