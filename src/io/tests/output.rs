use super::refused;
use crate::io::{OutputFile, check_writable};
use std::fs;
use std::path::Path;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_appears_when_it_is_finished_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/deep/a.txt");
    let mut file = OutputFile::create(&path, false).unwrap();
    file.write_bytes(b"one").unwrap();
    assert_eq!(names(path.parent().unwrap()), [format!(".a.txt.tmp-{}", std::process::id())]);
    file.finish().unwrap();
    assert_eq!(names(path.parent().unwrap()), ["a.txt"]);
    assert_eq!(fs::read(&path).unwrap(), b"one");

    refused(OutputFile::create(&path, false), 2, "the file exists");
    let mut dropped = OutputFile::create(&path, true).unwrap();
    dropped.write_bytes(b"two").unwrap();
    drop(dropped);
    assert_eq!((names(path.parent().unwrap()), fs::read(&path).unwrap()), (vec!["a.txt".into()], b"one".to_vec()));

    let mut forced = OutputFile::create(&path, true).unwrap();
    forced.write_bytes(b"two").unwrap();
    forced.finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
}

#[test]
fn two_writers_do_not_share_a_temporary_and_late_files_are_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let (one, two) = (OutputFile::create(&path, false).unwrap(), OutputFile::create(&path, false).unwrap());
    one.finish().unwrap();
    refused(two.finish(), 2, "the file exists");
    assert_eq!(names(dir.path()), ["a"]);
}

#[test]
fn what_cannot_be_written_is_refused_before_any_work() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    refused(check_writable(dir.path(), true), 7, "a directory");
    refused(check_writable(&dir.path().join("file/below"), true), 7, "cannot");
    refused(check_writable(&dir.path().join("file"), false), 2, "the file exists");
    refused(check_writable(Path::new(""), false), 2, "not a file name");
    check_writable(&dir.path().join("fresh"), false).unwrap();
    check_writable(Path::new("-"), false).unwrap();
    assert_eq!(names(dir.path()), ["file"]);
    #[cfg(target_os = "linux")]
    {
        refused(check_writable(Path::new("/dev/null"), true), 7, "device");
        refused(check_writable(Path::new("/proc/nothing/here"), true), 7, "cannot");
    }
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_modes_stay_modes() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("there/real"), dir.path().join("link"));
    fs::create_dir(dir.path().join("there")).unwrap();
    symlink("there/real", &link).unwrap();
    for text in ["one", "two"] {
        let mut file = OutputFile::create(&link, true).unwrap();
        file.write_bytes(text.as_bytes()).unwrap();
        file.finish().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), text);
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    }
    let forced = OutputFile::create(&real, true).unwrap();
    forced.finish().unwrap();
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    let plain = dir.path().join("plain");
    fs::write(&plain, "").unwrap();
    let ours = dir.path().join("ours");
    OutputFile::create(&ours, false).unwrap().finish().unwrap();
    let mode = |p| fs::metadata(p).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));

    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    symlink(&a, &b).unwrap();
    symlink(&b, &a).unwrap();
    refused(OutputFile::create(&a, true), 7, "circle");
}

/// Runs inside the small file system that the next test makes.
#[test]
#[ignore = "started by a_full_disk_keeps_the_old_file"]
fn child_on_a_full_disk() {
    let path = std::env::current_dir().unwrap().join("a.safetensors");
    let mut checkpoint = super::checkpoint::small();
    checkpoint.save(&path).unwrap();
    checkpoint.insert_f32("large", &[1 << 16], vec![1.0; 1 << 16]);
    refused(checkpoint.save(&path), 7, "No space left");
    assert_eq!(crate::io::Checkpoint::load(&path).unwrap().0, super::checkpoint::small());
    assert_eq!(names(path.parent().unwrap()), ["a.safetensors"]);
    let mut points = crate::io::PointWriter::create(Path::new("a.npy"), false, None, 1 << 16, 1).unwrap();
    let written = points.write_rows(&vec![1.0; 1 << 16]);
    refused(written.and_then(|()| points.finish()), 7, "No space left");
    assert_eq!(names(path.parent().unwrap()), ["a.safetensors"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=64k none \"$1\" && cd \"$1\"";
    let in_it = |command: &str| {
        let mut shell = std::process::Command::new("unshare");
        shell.args(["-rm", "sh", "-c", &format!("{mount} && {command}"), "sh"]).arg(dir.path());
        shell.arg(std::env::current_exe().unwrap()).output()
    };
    if !in_it("true").is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no user namespaces here");
    }
    let output = in_it("\"$2\" --ignored --exact io::tests::output::child_on_a_full_disk").unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}
