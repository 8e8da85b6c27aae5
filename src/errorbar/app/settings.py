"""What a person has set once, in `errorbar.toml` or in `ERRORBAR_*` variables."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from errorbar.core.errors import SettingsError

__all__ = ["Settings", "read_settings"]

FILE = "errorbar.toml"
PREFIX = "ERRORBAR_"


class Settings(BaseSettings):
    """Defaults of the commands; an option on the command line beats the environment, which beats
    the file `errorbar.toml` of the folder one stands in.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_ignore_empty=True, toml_file=FILE
    )

    engine: str | None = Field(
        default=None,
        description="threads, processes or a Dask address; by default what suits the work",
    )
    workers: int | None = Field(
        default=None, ge=1, description="local threads or processes; by default all processors"
    )
    data: Path | None = Field(
        default=None, description="a folder in which tables are looked for, after the current one"
    )
    results: Path = Field(default=Path("results"), description="the folder that results go to")
    progress: bool | None = Field(
        default=None, description="draw progress bars; by default where there is a terminal"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def found(self, table: Path) -> Path:
        """The path of a table, in the data folder where it is not here."""
        if not table.exists() and self.data is not None and (self.data / table).exists():
            return self.data / table
        return table


def read_settings() -> Settings:
    """The settings in force here, or which one is wrong, where, and what it may be."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(str(part) for part in wrong["loc"])
        known = ", ".join(Settings.model_fields)
        raise SettingsError(
            f"the setting {name}={wrong['input']!r} is not possible: {wrong['msg']}. It comes from "
            f"{FILE} or from {PREFIX}{name.upper()}; the settings are {known}."
        ) from error
    except ValueError as error:
        raise SettingsError(f"{FILE} cannot be read: {error}.") from error
