/// The program's name and version, as `--version` shows it and archives carry it.
public enum Version {
    public static let number = "0.1.0"
    public static let name = "rnnz \(number)"
}
