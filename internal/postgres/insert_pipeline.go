package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
)

// insertTogether inserts each of chunks by a statement of its own, and reduces it
// to what was inserted. All statements are sent before the first answer is
// awaited, but each is encoded only when those before it are on their way: a
// pgx.Batch would hold all of them at once.
//
// The statement has no name, so that it does not matter whether what lies between
// here and the server keeps those that have.
func (b *batch) insertTogether(ctx context.Context, w *writing, chunks [][]newRow) error {
	conn := w.conn.Conn()
	statement, err := conn.Prepare(ctx, "", db.InsertStats)
	if err != nil {
		return err
	}
	pipeline := conn.PgConn().StartPipeline(ctx)
	err = b.exchange(pipeline, conn.TypeMap(), statement, chunks)
	// This waits for the end of what was sent, or gives the connection up when
	// that does not come. What went wrong first says more.
	if closing := pipeline.Close(); err == nil {
		err = closing
	}
	return err
}

// exchange sends the statements and reads the answers, which are small: the
// driver takes in what comes of them while the server takes no more statements.
func (b *batch) exchange(pipeline *pgconn.Pipeline, types *pgtype.Map, statement *pgconn.StatementDescription, chunks [][]newRow) error {
	var buffer []byte
	for _, rows := range chunks {
		values, err := encodeArgs(types, statement.ParamOIDs, b.insertParams(rows), &buffer)
		if err != nil {
			return err
		}
		pipeline.SendQueryParams(statement.SQL, values, statement.ParamOIDs, binaryFormat, binaryFormat)
		if err := pipeline.Flush(); err != nil {
			return err
		}
	}
	if err := pipeline.Sync(); err != nil {
		return err
	}
	for i, rows := range chunks {
		ids, err := readIDs(pipeline, types)
		if err != nil {
			return err
		}
		chunks[i] = withIDs(rows, ids)
	}
	return nil
}

// binaryFormat is that of all parameters and columns.
var binaryFormat = []int16{pgx.BinaryFormatCode}

// encodeArgs encodes the arguments of db.InsertStats into buffer, one behind the
// other. The builder of the driver begins with a small buffer for each statement,
// which leaves several times the size of a batch behind as garbage.
func encodeArgs(types *pgtype.Map, oids []uint32, p db.InsertStatsParams, buffer *[]byte) ([][]byte, error) {
	args := []any{p.UUIDs, p.ANRs, p.Types, p.Dates, p.Data, p.CreatedAt, p.ClientID, p.ContentIDs, p.Observations}
	if len(oids) != len(args) {
		return nil, fmt.Errorf("the server knows %d parameters of an insert, not %d", len(oids), len(args))
	}
	encoded, ends := (*buffer)[:0], make([]int, len(args))
	for i, arg := range args {
		var err error
		if encoded, err = types.Encode(oids[i], pgx.BinaryFormatCode, arg, encoded); err != nil {
			return nil, fmt.Errorf("encode parameter %d of an insert: %w", i+1, err)
		}
		ends[i] = len(encoded)
	}
	*buffer = encoded
	values, begin := make([][]byte, len(args)), 0
	for i, end := range ends {
		values[i], begin = encoded[begin:end], end
	}
	return values, nil
}

// readIDs reads the answer to the next statement.
func readIDs(pipeline *pgconn.Pipeline, types *pgtype.Map) ([]uuid.UUID, error) {
	answer, err := pipeline.GetResults()
	if err != nil {
		return nil, err
	}
	reader, ok := answer.(*pgconn.ResultReader)
	if !ok {
		return nil, fmt.Errorf("the answer to an insert is a %T", answer)
	}
	return pgx.CollectRows(pgx.RowsFromResultReader(types, reader), pgx.RowTo[uuid.UUID])
}
