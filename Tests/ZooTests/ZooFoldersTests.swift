import Foundation
import Testing

@testable import Zoo

@Suite struct ZooFoldersTests {
    /// A home, a list of two folders, an installation and a build inside a project, each with models named after it.
    struct Place {
        let folder: TemporaryFolder
        var environment: [String: String]

        init() throws {
            folder = try TemporaryFolder()
            for name in ["one/shared", "one/one", "two/shared", "two/two", "data/rnnz/zoo/shared", "data/rnnz/zoo/data"]
                + ["home/.local/share/rnnz/zoo/home", "usr/share/rnnz/zoo/installed", "project/zoo/built", "project/zoo/shared"]
            {
                try folder.write(Array(name.utf8), to: name + ".rnnz")
            }
            try folder.write([], to: "usr/bin/rnnz")
            try folder.write([], to: "project/.build/release/rnnz")
            environment = [
                "RNNZ_ZOO": "\(folder.file("one")):\(folder.file("none"))::\(folder.file("two"))",
                "XDG_DATA_HOME": folder.file("data"),
                "HOME": folder.file("home"),
            ]
        }

        func zoo(_ executable: String = "project/.build/release/rnnz") -> ZooFolders {
            ZooFolders(environment: environment, executable: folder.file(executable))
        }
    }

    @Test func theFirstFolderWins() throws {
        let place = try Place()
        let list = place.zoo().list()
        #expect(list.map(\.name) == ["built", "data", "one", "shared", "two"])
        #expect(list.first { $0.name == "shared" }?.path == place.folder.file("one/shared.rnnz"))
        #expect(try place.zoo().path(of: "shared") == place.folder.file("one/shared.rnnz"))
        #expect(try place.zoo().path(of: "built") == place.folder.file("project/zoo/built.rnnz"))
    }

    @Test func anInstallationFindsItsModels() throws {
        let place = try Place()
        #expect(try place.zoo("usr/bin/rnnz").path(of: "installed") == place.folder.file("usr/share/rnnz/zoo/installed.rnnz"))
        // Through a symbolic link elsewhere, too.
        try place.folder.makeFolder("bin")
        let link = place.folder.file("bin/rnnz")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: place.folder.file("usr/bin/rnnz"))
        #expect(try place.zoo("bin/rnnz").path(of: "installed").hasSuffix("usr/share/rnnz/zoo/installed.rnnz"))
    }

    @Test func theNearestZooAboveTheExecutableIsTaken() throws {
        let place = try Place()
        try place.folder.write([], to: "zoo/outer.rnnz")
        #expect(place.zoo().list().map(\.name).contains("outer") == false)
        #expect(place.zoo("usr/bin/rnnz").list().map(\.name).contains("outer"))
    }

    @Test func theDataFolderFollowsXDG() throws {
        var place = try Place()
        #expect(place.zoo().userFolder == place.folder.file("data/rnnz/zoo"))
        place.environment["XDG_DATA_HOME"] = "relative"
        #expect(place.zoo().userFolder == place.folder.file("home/.local/share/rnnz/zoo"))
        place.environment["XDG_DATA_HOME"] = nil
        #expect(try place.zoo().path(of: "home") == place.folder.file("home/.local/share/rnnz/zoo/home.rnnz"))
        place.environment["HOME"] = nil
        #expect(place.zoo().userFolder == nil)
    }

    @Test func foldersAndHiddenFilesAreNoModels() throws {
        let place = try Place()
        try place.folder.makeFolder("one/folder.rnnz")
        try place.folder.write([], to: "one/.rnnz-1-1.tmp")
        try place.folder.write([], to: "one/.hidden.rnnz")
        try place.folder.write([], to: "one/.rnnz")
        #expect(place.zoo().list().map(\.name) == ["built", "data", "one", "shared", "two"])
    }

    @Test func aPathIsTakenAsItIs() throws {
        let place = try Place()
        #expect(try place.zoo().path(of: place.folder.file("two/two.rnnz")) == place.folder.file("two/two.rnnz"))
    }

    @Test(arguments: ["none/model", "./none", "none.rnnz", "shared.rnnz"])
    func aPathThatLeadsNowhereIsNotFound(path: String) throws {
        let place = try Place()
        do throws(ZooError) {
            _ = try place.zoo().path(of: path)
            Issue.record("\(path) was found")
        } catch {
            #expect(error.kind == .notFound)
            #expect("\(error)" == "\(path): there is no such file")
        }
    }

    @Test(arguments: [
        ("shard", "shared"), ("SHARED", "shared"), ("genrate", "generate"), ("tow", "two"), ("xyzzy", nil), ("", nil),
    ])
    func aWordThatIsNothingGetsTheNearestName(word: String, nearest: String?) throws {
        let place = try Place()
        do throws(ZooError) {
            _ = try place.zoo().path(of: word, orAmong: ["generate", "score"])
            Issue.record("\(word) was found")
        } catch {
            #expect(error.kind == .wrongWords)
            guard case .unknownModel(word, nearest) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    /// Distances counted by hand: one character inserted, removed, changed, or exchanged with its neighbour.
    @Test func theNearestNameIsTheNearest() {
        #expect(nearestName(to: "abcd", among: ["abcdef", "abcde", "abdc"]) == "abcde")
        #expect(nearestName(to: "abdc", among: ["xbdcx", "abcd"]) == "abcd")
        #expect(nearestName(to: "ca", among: ["abc"]) == nil)
        #expect(nearestName(to: "load", among: []) == nil)
    }
}
