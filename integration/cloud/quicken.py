"""Makes an installed local-bigquery look up single tables quickly: `python quicken.py`, once, by its own Python.

As published it answers "is there a table of this name, and which columns has it" from duckdb_tables() and
duckdb_columns(), which list whatever there is in any database, with a question to DuckLake for each table. It asks that
dozens of times a statement, and keeps the result of every statement as a table: most of the cloud tests' time went there,
and more the longer a server ran. Here the same is asked of DuckLake's own tables about the one name.
"""

import pathlib

import local_bigquery

ROOT = pathlib.Path(local_bigquery.__file__).parent

LOOKUPS = '''
def _lake(project_id: str, sql: str, params: list) -> list[tuple] | None:
    """Asks DuckLake's tables about a project; None where the database isn't a lake."""
    if project_id not in _attached:
        return None
    return fetch(sql.format(quote(f"__ducklake_metadata_{project_id}")), params)


def has_schema(project_id: str, dataset_id: str) -> bool | None:
    found = _lake(
        project_id,
        "SELECT 1 FROM {}.ducklake_schema WHERE end_snapshot IS NULL AND schema_name = $1",
        [dataset_id],
    )
    return None if found is None else bool(found)


def columns(project_id: str, dataset_id: str, table_id: str) -> list[tuple[str, bool]]:
    """Names of a table's columns, and whether NULL may stand in them."""
    found = _lake(
        project_id,
        "SELECT column_name, nulls_allowed FROM {0}.ducklake_column "
        "JOIN {0}.ducklake_table t USING (table_id) JOIN {0}.ducklake_schema s USING (schema_id) "
        "WHERE ducklake_column.end_snapshot IS NULL AND t.end_snapshot IS NULL "
        "AND s.end_snapshot IS NULL AND parent_column IS NULL "
        "AND schema_name = $1 AND table_name = $2",
        [dataset_id, table_id],
    )
    if found is not None:
        return found
    if project_id == "emulator":
        return []  # results of statements: made by queries, so any column may hold NULL
    return fetch(
        "SELECT column_name, is_nullable FROM duckdb_columns() WHERE database_name = ? "
        "AND schema_name = ? AND table_name = ?",
        [project_id, dataset_id, table_id],
    )


def objects(
    project_id: str, dataset_id: str, table_id: str | None = None
) -> list[tuple[str, str, int]]:
    found = _lake(
        project_id,
        "SELECT table_name, 'TABLE', coalesce(record_count, 0) FROM {0}.ducklake_table t "
        "JOIN {0}.ducklake_schema s USING (schema_id) "
        "LEFT JOIN {0}.ducklake_table_stats USING (table_id) "
        "WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND schema_name = $1 "
        "AND table_name = coalesce($2, table_name) "
        "UNION ALL SELECT view_name, 'VIEW', 0 FROM {0}.ducklake_view v "
        "JOIN {0}.ducklake_schema s USING (schema_id) "
        "WHERE v.end_snapshot IS NULL AND s.end_snapshot IS NULL AND schema_name = $1 "
        "AND view_name = coalesce($2, view_name) ORDER BY 1",
        [dataset_id, table_id],
    )
    if found is not None:
        return found
    if project_id == "emulator" and table_id is not None:
        try:
            [(rows,)] = fetch(f"SELECT count(*) FROM {quote(project_id, dataset_id, table_id)}")
        except duckdb.CatalogException:
            return []
        return [(table_id, "TABLE", rows)]
    return _all_objects(project_id, dataset_id, table_id)


def _all_objects('''

# File, text as published, text instead of it.
CHANGES = [
    ("engine/database.py", "\ndef objects(", LOOKUPS),
    # DuckDB looks for pandas with each parameter of each statement, in all folders, since it isn't installed.
    ("engine/database.py", "import duckdb\n", 'import sys\n\nimport duckdb\n\nsys.modules["pandas"] = None\n'),
    (
        "catalog/datasets.py",
        "    return bool(\n        database.fetch(\n            \"SELECT 1 FROM duckdb_schemas()",
        "    found = database.has_schema(project_id, dataset_id)\n    if found is not None:\n        return found\n"
        "    return bool(\n        database.fetch(\n            \"SELECT 1 FROM duckdb_schemas()",
    ),
    (
        "catalog/tables.py",
        '''    required = database.fetch(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = ? "
        "AND schema_name = ? AND table_name = ? AND NOT is_nullable",
        list(physical(project_id, dataset_id, table_id)),
    )
    required = {column for (column,) in required}
''',
        "    known = database.columns(*physical(project_id, dataset_id, table_id))\n"
        "    required = {column for column, nullable in known if not nullable}\n",
    ),
    (
        "sql/rules/partitions.py",
        '''    return bool(
        database.fetch(
            "SELECT 1 FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? "
            "AND table_name = ? AND column_name = ?",
            [table.catalog, table.db, table.name, tables.INGESTION_TIME],
        )
    )
''',
        "    known = database.columns(table.catalog, table.db, table.name)\n"
        "    return any(column == tables.INGESTION_TIME for column, _ in known)\n",
    ),
    # Temporary tables are a connection's own: there are none where it is new.
    (
        "jobs/query.py",
        'cur.sql("SELECT table_name FROM duckdb_tables() WHERE temporary")',
        'cur.sql("SELECT table_name FROM duckdb_tables() WHERE temporary" if session else "SELECT \'\' WHERE false")',
    ),
]

for name, published, instead in CHANGES:
    file = ROOT / name
    text = file.read_text()
    assert text.count(published) == 1, f"{name} isn't the published one: {published}"
    file.write_text(text.replace(published, instead))
