"""Azure Open Datasets: public data that Microsoft hosts, as facts that a register form needs.

Places as documented at https://learn.microsoft.com/azure/open-datasets/dataset-catalog: public storage accounts that
anybody may list and read. A dataset made of one is an ordinary dataset over its addresses, tagged `opendatasets=ID`.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.datasets.model import (
    DatasetType,
    Definition,
    FileFormat,
    Format,
    WebSource,
)

TAG = "opendatasets"
"""The key of the tag; azureml-opendatasets names its dataset property the same."""

ACCOUNT = "azureopendatastorage"
PANDEMIC = "pandemicdatalake"
PUBLIC_HOSTS = frozenset(f"{account}.blob.core.windows.net" for account in (ACCOUNT, PANDEMIC))
"""Everybody may read what lies there."""


@dataclass(frozen=True, slots=True)
class OpenDataset:
    """One public dataset. path: container and pattern, `/` separated. timestamp: the column that says when, or "".

    format: None for files that are no table.
    """

    id: str
    title: str
    path: str
    timestamp: str = ""
    account: str = ACCOUNT
    format: FileFormat | None = FileFormat.PARQUET

    @property
    def url(self) -> str:
        """The https address, with a pattern where it is many files."""
        return f"https://{self.account}.blob.core.windows.net/{self.path}"

    @property
    def definition(self) -> Definition:
        """What a version of a dataset made of it points to."""
        source = WebSource((self.url,))
        if self.format is None:
            return Definition(DatasetType.FILE, source)
        return Definition(DatasetType.TABULAR, source, Format(self.format), timestamp_column=self.timestamp or None)

    @property
    def tag(self) -> tuple[str, str]:
        """The tag that says where a dataset comes from."""
        return TAG, self.id


_LABOR = "laborstatisticscontainer"
_COVID = "public/curated/covid-19"
CATALOGUE = (
    OpenDataset("public_holidays", "Public holidays", "holidaydatacontainer/Processed/*.parquet", "date"),
    OpenDataset(
        "nyc_tlc_yellow", "NYC taxi trips: yellow", "nyctlc/yellow/puYear=*/puMonth=*/*.parquet", "tpepPickupDateTime"
    ),
    OpenDataset(
        "nyc_tlc_green", "NYC taxi trips: green", "nyctlc/green/puYear=*/puMonth=*/*.parquet", "lpepPickupDatetime"
    ),
    OpenDataset("nyc_tlc_fhv", "NYC taxi trips: for-hire", "nyctlc/fhv/puYear=*/puMonth=*/*.parquet", "pickupDateTime"),
    OpenDataset(
        "isd", "NOAA surface weather", "isdweatherdatacontainer/ISDWeather/year=*/month=*/*.parquet", "datetime"
    ),
    OpenDataset(
        "city_safety_boston", "Boston safety", "citydatacontainer/Safety/Release/city=Boston/*.parquet", "dateTime"
    ),
    OpenDataset(
        "city_safety_chicago", "Chicago safety", "citydatacontainer/Safety/Release/city=Chicago/*.parquet", "dateTime"
    ),
    OpenDataset(
        "city_safety_newyork",
        "New York City safety",
        "citydatacontainer/Safety/Release/city=NewYorkCity/*.parquet",
        "dateTime",
    ),
    OpenDataset(
        "city_safety_sanfrancisco",
        "San Francisco safety",
        "citydatacontainer/Safety/Release/city=SanFrancisco/*.parquet",
        "dateTime",
    ),
    OpenDataset(
        "city_safety_seattle", "Seattle safety", "citydatacontainer/Safety/Release/city=Seattle/*.parquet", "dateTime"
    ),
    OpenDataset("us_labor_cpi", "US consumer price index", f"{_LABOR}/cpi/*.parquet"),
    OpenDataset(
        "us_labor_ehe_national", "US employment hours and earnings, national", f"{_LABOR}/ehe_national/*.parquet"
    ),
    OpenDataset("us_labor_ehe_state", "US employment hours and earnings, states", f"{_LABOR}/ehe_state/*.parquet"),
    OpenDataset("us_labor_laus", "US local area unemployment", f"{_LABOR}/laus/*.parquet"),
    OpenDataset("us_labor_lfs", "US labor force", f"{_LABOR}/lfs/*.parquet"),
    OpenDataset("us_labor_ppi_commodity", "US producer prices, commodities", f"{_LABOR}/ppi_commodity/*.parquet"),
    OpenDataset("us_labor_ppi_industry", "US producer prices, industry", f"{_LABOR}/ppi_industry/*.parquet"),
    OpenDataset(
        "us_population_county",
        "US population by county",
        "censusdatacontainer/release/us_population_county/**/*.parquet",
    ),
    OpenDataset(
        "us_population_zip", "US population by ZIP code", "censusdatacontainer/release/us_population_zip/**/*.parquet"
    ),
    OpenDataset(
        "bing_covid_19",
        "Bing COVID-19 cases",
        f"{_COVID}/bing_covid-19_data/latest/bing_covid-19_data.parquet",
        "updated",
        PANDEMIC,
    ),
    OpenDataset(
        "covid_tracking",
        "COVID Tracking Project",
        f"{_COVID}/covid_tracking/latest/covid_tracking.parquet",
        "date",
        PANDEMIC,
    ),
    OpenDataset(
        "ecdc_cases", "ECDC COVID-19 cases", f"{_COVID}/ecdc_cases/latest/ecdc_cases.parquet", "date_rep", PANDEMIC
    ),
    OpenDataset(
        "covid_policy_tracker",
        "Oxford COVID-19 policy tracker",
        f"{_COVID}/covid_policy_tracker/latest/covid_policy_tracker.parquet",
        "date",
        PANDEMIC,
    ),
    OpenDataset("diabetes", "Diabetes, a small sample", "mlsamples/diabetes/*.parquet"),
    OpenDataset(
        "oj_sales",
        "Orange juice sales, simulated",
        "ojsales-simulatedcontainer/oj_sales_data/*.csv",
        "WeekStarting",
        format=FileFormat.DELIMITED,
    ),
    OpenDataset("mnist", "MNIST handwritten digits", "mnist/*.gz", format=None),
)
"""All that is offered, in the order of the form."""

_BY_ID = {each.id: each for each in CATALOGUE}


def open_dataset(identifier: str) -> OpenDataset | None:
    """The open dataset of this id."""
    return _BY_ID.get(identifier)
