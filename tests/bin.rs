//! The program, as a binary of this package: so that the tests run what is built here.

fn main() -> std::process::ExitCode {
    revoxel_cli::main()
}
