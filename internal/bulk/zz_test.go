package bulk_test
import ("testing";"os";"path/filepath";"time";"syscall";"fmt"
"github.com/carillon-project/carillon/internal/bulk"
"github.com/carillon-project/carillon/internal/client")
func cpu() (float64,float64){ var u syscall.Rusage; syscall.Getrusage(0,&u); return float64(u.Utime.Sec)+float64(u.Utime.Usec)/1e6, float64(u.Stime.Sec)+float64(u.Stime.Usec)/1e6}
func BenchmarkZZ(b *testing.B){
 a,err:=bulk.Open(bulk.Config{Client: client.Config{Endpoint: os.Getenv("AWS_ENDPOINT_URL_CHIME"),Region:"us-east-1",Service:"chime",Credentials:client.Credentials{AccessKey:os.Getenv("AWS_ACCESS_KEY_ID"),SecretKey:os.Getenv("AWS_SECRET_ACCESS_KEY")}},Account:os.Getenv("ACCT"),Job:"j",Version:"x"})
 if err!=nil{b.Fatal(err)}
 for i:=range b.N {
 lic:=[]string{"Pro","Basic"}[i%2]
 u0,s0:=cpu()
 p,err:=a.Plan(b.Context(),bulk.Update,bulk.Selection{All:true},bulk.PlanOptions{Set:values("LicenseType="+lic)})
 if err!=nil{b.Fatal(err)}
 u1,s1:=cpu()
 if p.Count(bulk.Planned)==0 {continue}
 p.Job="j"
 l:=func() *bulk.Ledger{l,err:=bulk.Create(filepath.Join(b.TempDir(),"l"),p,time.Now); if err!=nil{b.Fatal(err)}; return l}()
 u2,s2:=cpu()
 if _,err:=a.Run(b.Context(),l,bulk.RunOptions{});err!=nil{b.Fatal(err)}
 l.Close()
 u3,s3:=cpu()
 fmt.Printf("plan %.2f+%.2f create %.2f+%.2f run %.2f+%.2f = %.0f us/call\n",u1-u0,s1-s0,u2-u1,s2-s1,u3-u2,s3-s2,(u3+s3-u2-s2)/5000*1e6)
 }
}
