"""Print the versions that labelaudit and its checks run with, for constraints.txt: names and versions, no addresses."""

from importlib import metadata

OURS = {"labelaudit"}
INSTALLERS = {"pip", "setuptools", "wheel"}


def main() -> None:
    """Write one ``name==version`` a line."""
    # What stands behind a + says where a file was built: torch's for processors alone is the same version.
    found = {
        (d.metadata["Name"].lower().replace("_", "-"), d.version.partition("+")[0]) for d in metadata.distributions()
    }
    print("# Versions the checks run with. Written by `make constraints`.")
    for name, version in sorted(found):
        if name not in OURS | INSTALLERS:
            print(f"{name}=={version}")


if __name__ == "__main__":
    main()
