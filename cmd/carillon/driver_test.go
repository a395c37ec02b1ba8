package main

import _ "modernc.org/sqlite" // the driver of database/sql, by which tests look into files
