"""The browser's downloads."""


def download(filename: str) -> None:
    print(f"The browser downloads {filename}")
