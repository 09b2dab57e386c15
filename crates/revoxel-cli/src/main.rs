//! The program `revoxel`.

fn main() -> std::process::ExitCode {
    revoxel_cli::main()
}
